{#- Profiles Sync, summarized where it lies: at most three rows come back, whatever the size of the space.

    Rendered from table names that were checked and from positions; every value is a query parameter. Each
    table is named as few times as can be: BigQuery works a WITH query out again wherever it is named.
    The rules are those of `profile`, `classify` and `tally`, step by step; the tests hold them together. -#}

{#- A JSON number in ASCII, as `profile` reads it. -#}
{%- set NUMBER = "r'^[ \\t\\n\\r\\f\\v]*([+-]?\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?)[ \\t\\n\\r\\f\\v]*$'" -%}
{#- `prefix0, prefix1, …` -#}
{%- macro all(prefix, number, between=", ") -%}
  {%- for i in range(number) %}{{ prefix }}{{ i }}{% if not loop.last %}{{ between }}{% endif %}{% endfor -%}
{%- endmacro -%}
{%- set ltv, plan = channels, channels + 1 -%}

WITH
{% if drawn %}
  space AS (
    SELECT canonical_segment_id AS person FROM `{{ user_traits }}` WHERE canonical_segment_id IS NOT NULL
    UNION DISTINCT
    SELECT canonical_segment_id FROM `{{ user_identifiers }}` WHERE canonical_segment_id IS NOT NULL
  ),
  drawn AS (
    SELECT person FROM space ORDER BY FARM_FINGERPRINT(CONCAT(@seed, person)), person LIMIT @wanted
  ),
{% endif %}
  -- The materialized table has a row a trait; where it has more, the latest counts.
  latest AS (
    SELECT canonical_segment_id AS person, name, value
    FROM `{{ user_traits }}`
    WHERE canonical_segment_id IS NOT NULL
    QUALIFY ROW_NUMBER() OVER (PARTITION BY canonical_segment_id, name ORDER BY seq DESC, value) = 1
  ),
  told AS (
    SELECT person, name, value, CAST(NULL AS STRING) AS type FROM latest
    UNION ALL
    SELECT
      canonical_segment_id,
      NULL,
      NULL,
      REGEXP_REPLACE(
        SUBSTR(IFNULL(type, ''), 1, @name_characters), r'^(ios|android)_(id|idfa|push_token)$', r'\1.\2'
      )
    FROM `{{ user_identifiers }}`
    WHERE canonical_segment_id IS NOT NULL
  ),
  people AS (
    SELECT
      person,
{% for i in range(channels + 2) %}
      NULLIF(MAX(IF(name = @traits[OFFSET({{ i }})], value, NULL)), '') AS trait_{{ i }},
{% endfor %}
      COUNT(type) AS identities,
      ARRAY_AGG(DISTINCT type) AS types
    FROM told
{% if drawn %}
    JOIN drawn USING (person)
{% endif %}
    GROUP BY person
  ),
{% if events %}
  events AS (
{% for position, table in events %}
    SELECT segment_id, {{ position }} AS channel, `timestamp` AS moment
    FROM `{{ table }}`
    WHERE `timestamp` >= @since AND `timestamp` <= @until
{% if not loop.last %}
    UNION ALL
{% endif %}
{% endfor %}
  ),
  -- Events keep the profile that they came in with; it may have been merged into another one since.
  merges AS (
    SELECT segment_id, canonical_segment_id
    FROM `{{ merges }}`
    WHERE segment_id IS NOT NULL
    QUALIFY ROW_NUMBER() OVER (PARTITION BY segment_id ORDER BY `timestamp` DESC) = 1
  ),
  moments AS (
    SELECT IFNULL(merges.canonical_segment_id, events.segment_id) AS person, events.channel, events.moment
    FROM events
    LEFT JOIN merges ON merges.segment_id = events.segment_id
  ),
  steps AS (
    SELECT
      person, channel, moment, LAG(moment) OVER (PARTITION BY person, channel ORDER BY moment) AS before
    FROM moments
  ),
  sessions AS (
    SELECT
      person,
{% for i in range(channels) %}
      COUNTIF(
        channel = {{ i }}
        AND (before IS NULL OR TIMESTAMP_DIFF(moment, before, MICROSECOND) >= @gaps[OFFSET({{ i }})])
      ) AS sessions_{{ i }},
{% endfor %}
    FROM steps
    GROUP BY person
  ),
{% endif %}
  texts AS (
    SELECT
      people.*,
{% for i in range(channels) %}
      {{ "CAST(IFNULL(sessions_%d, 0) AS STRING)" % i if events else "trait_%d" % i }} AS text_{{ i }},
{% endfor %}
      trait_{{ ltv }} AS text_{{ ltv }}
    FROM people
{% if events %}
    LEFT JOIN sessions ON sessions.person = people.person
{% endif %}
  ),
  digits AS (
    SELECT
      *,
{% for i in range(channels + 1) %}
      REGEXP_EXTRACT(text_{{ i }}, {{ NUMBER }}) AS digits_{{ i }},
{% endfor %}
    FROM texts
  ),
  numbers AS (
    SELECT
      *,
{% for i in range(channels + 1) %}
      SAFE_CAST(digits_{{ i }} AS FLOAT64) AS number_{{ i }},
{% endfor %}
    FROM digits
  ),
  reasons AS (
    SELECT
      *,
      -- Digits without a number are too many for a float, as those of an infinite one are.
      COALESCE(
{% for i in range(channels) %}
        CASE
          WHEN text_{{ i }} IS NULL THEN NULL
          WHEN digits_{{ i }} IS NULL THEN 'activity_not_numeric'
          WHEN IFNULL(IS_INF(number_{{ i }}), TRUE) THEN 'activity_not_finite'
          WHEN number_{{ i }} < 0 THEN 'activity_negative'
          WHEN number_{{ i }} > @most THEN 'activity_too_large'
        END,
{% endfor %}
        NULL
      ) AS reason
    FROM numbers
  ),
  -- Whole numbers as floats: sums are exact up to 2^53, and beyond cannot overflow.
  figures AS (
    SELECT
      reason,
      identities,
      types,
{% for i in range(channels) %}
      text_{{ i }} IS NOT NULL AS carries_{{ i }},
      IF(reason IS NULL, IFNULL(TRUNC(number_{{ i }}), 0), 0) AS activity_{{ i }},
{% endfor %}
      IF(ABS(number_{{ ltv }}) <= @most, number_{{ ltv }}, NULL) AS ltv,
      SUBSTR(trait_{{ plan }}, 1, @name_characters) AS plan
    FROM reasons
  ),
  totals AS (
    SELECT
      *,
      {{ all("activity_", channels, " + ") }} AS total,
      GREATEST({{ all("activity_", channels) }}) AS largest
    FROM figures
  ),
  shares AS (
    SELECT
      *,
      largest / NULLIF(total, 0) AS share,
      {% for i in range(channels) %}IF(activity_{{ i }} = largest, 1, 0) + {% endfor %}0 = 1 AS alone
    FROM totals
  ),
  places AS (
    SELECT
      *,
      -- A reason against the profile, dormant, or the pattern's position, omnichannel last.
      CASE
        WHEN reason IS NOT NULL THEN reason
        WHEN total = 0 THEN '{{ dormant }}'
{% for i in range(channels) %}
        WHEN share > @dominance AND alone AND activity_{{ i }} = largest THEN '{{ i }}'
{% endfor %}
        ELSE '{{ channels }}'
      END AS place,
      IFNULL(share > @lower AND share <= @upper AND alone, FALSE) AS on_boundary
    FROM shares
  ),
  facts AS (
    SELECT places.*, fact.kind, fact.name
    FROM places
    CROSS JOIN UNNEST(
      ARRAY_CONCAT(
        [STRUCT('place' AS kind, place AS name), STRUCT('plan' AS kind, plan AS name)],
        ARRAY(SELECT AS STRUCT 'type' AS kind, type AS name FROM UNNEST(types) AS type)
      )
    ) AS fact
    WHERE fact.name IS NOT NULL AND (fact.kind = 'place' OR (reason IS NULL AND total > 0))
  ),
  counts AS (
    SELECT
      kind,
      name,
      COUNT(*) AS n,
{% for i in range(channels + 1) %}
      COUNTIF(place = '{{ i }}') AS n_{{ i }},
{% endfor %}
{% for i in range(channels) %}
      SUM(activity_{{ i }}) AS activity_{{ i }},
      COUNTIF(carries_{{ i }}) AS carried_{{ i }},
{% endfor %}
      SUM(IFNULL(ltv, 0)) AS ltv,
      COUNTIF(ltv IS NOT NULL) AS carried_{{ ltv }},
      COUNTIF(plan IS NOT NULL) AS carried_{{ plan }},
      SUM(identities) AS identities,
      COUNTIF(identities <= @few) AS few_identities,
      COUNTIF(on_boundary) AS on_boundary
    FROM facts
    GROUP BY kind, name
  )
-- A name more than are kept of any kind: the sign that there are too many.
SELECT
  kind,
  ARRAY_AGG(
    STRUCT(
      name,
      n,
      [{{ all("n_", channels + 1) }}] AS by_pattern,
      [{{ all("activity_", channels) }}] AS activity,
      [{{ all("carried_", channels + 2) }}] AS carried,
      ltv,
      identities,
      few_identities,
      on_boundary
    )
    LIMIT {{ most_names + 1 }}
  ) AS named,
  {{ "(SELECT COUNT(*) FROM space)" if drawn else "CAST(NULL AS INT64)" }} AS drawn_from
FROM counts
GROUP BY kind
