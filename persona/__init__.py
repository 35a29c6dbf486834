"""Turns a Segment space into a checked, cross-channel persona framework.

main, __main__          two doors on the cloud, one in the terminal
  http, pubsub          a trigger to a request, an outcome back
    pipeline            the order of the steps, on one page
      run, pay          the run's folder: claim, keep, pay once, publish
      steps
        census          sources ─▶ profile ─▶ classify ─▶ tally ─▶ summarize
        prompt          a summary to the message
        mave, threads   the answer, or the lost answer found again
        facts           the same words by rules, without Mave
        framework       the answer read: personas, strategy, what is missing
        claims          every figure of it held against the summary
        drift           this summary against the last one
        render          JSON, Markdown, HTML
      bucket            gs:// or a folder: read, create, compare-and-swap
"""
