"""HTTP, Pub/Sub and a terminal: from a trigger to a request, and the report or the failure back."""

from persona.errors import PersonaError, Unforeseen
from persona.log import Log, log_unexpected


def logged(error: Exception, log: Log, *passing: type[PersonaError]) -> PersonaError:
    """What a caller is told of a failure, once it is in the log.

    As a warning where the next delivery mends it, or the caller does (those of the kinds `passing`): it wakes
    nobody up. Of a defect, its place is written down and not its words.
    """
    if not isinstance(error, PersonaError):
        log_unexpected(log, error)
        return PersonaError("an unexpected error; its place is in the log")
    if isinstance(error, Unforeseen):
        log_unexpected(log, error.cause)
    elif error.retryable or isinstance(error, passing):
        log.warning(error.message, code=error.code)
    else:
        log.error(error.message, code=error.code)
    return error
