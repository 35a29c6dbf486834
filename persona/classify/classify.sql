{#- The whole rule, over one relation of people: each person's place, then the sums of every place, plan and
    type of external id. Runs after `WITH people AS (...)`, in DuckDB as in BigQuery.

    people(trait_0 ..., identities, types, problem): each channel's trait, the LTV's and the plan's, as the
    text that came (in DuckDB, as the number where the source has types); how many external ids; their types,
    joined by U+001F; why the record is no person. For `members` also canonical_segment_id and user_id: then
    every person's row comes, and nothing is summed. -#}

{#- The dialects differ in these few words. -#}
{%- set duckdb = dialect == "duckdb" -%}
{#- Floats make another sum in another order, and threads have none: one that keeps what rounding loses. -#}
{%- set SUM = "FSUM" if duckdb else "SUM" -%}
{%- macro p(name) %}{{ "$" if duckdb else "@" }}{{ name }}{% endmacro -%}
{#- A JSON number in ASCII, white space around it allowed; a column of numbers is told by its type, and only
    what is odd in it is read as text. -#}
{%- set NUMBER = "[+-]?[0-9]+(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?" -%}
{%- set SPACE = "[ \\t\\n\\r\\f\\v]*" -%}
{%- macro carries(trait) -%}
{%- if duckdb -%} {{ trait }} IS NOT NULL AND (TYPEOF({{ trait }}) <> 'VARCHAR' OR CAST({{ trait }} AS VARCHAR) <> '')
{%- else -%} IFNULL({{ trait }}, '') <> ''
{%- endif -%}
{%- endmacro -%}
{%- macro is_number(text) -%}
{%- if duckdb -%} REGEXP_FULL_MATCH({{ text }}, '{{ SPACE ~ NUMBER ~ SPACE }}')
{%- else -%} REGEXP_CONTAINS({{ text }}, r'^{{ SPACE ~ NUMBER ~ SPACE }}$')
{%- endif -%}
{%- endmacro -%}
{%- macro float(trait) -%}
{%- if duckdb -%} TRY_CAST({{ trait }} AS DOUBLE)
{%- else -%} SAFE_CAST(REGEXP_EXTRACT({{ trait }}, r'{{ NUMBER }}') AS FLOAT64)
{%- endif -%}
{%- endmacro -%}
{%- macro number(trait) -%}
{%- set told = "TYPEOF(%s) <> 'VARCHAR' OR " % trait if duckdb else "" -%}
IF({{ told ~ is_number("CAST(%s AS STRING)" % trait) }}, {{ float(trait) }}, NULL)
{%- endmacro -%}

{#- Both spellings of a device's id are one type. -#}
{%- macro type_name(type) -%}
REGEXP_REPLACE(SUBSTR({{ type }}, 1, {{ name_characters }}), {{ "" if duckdb else "r" -}}
'^(ios|android)_(id|idfa|push_token)$', {{ "" if duckdb else "r" }}'\1.\2')
{%- endmacro -%}
{#- Each sum once for its place, its plan and every one of its types. -#}
{%- macro facts() -%}
{%- if duckdb -%}
(
  SELECT
    *,
    UNNEST(LIST_CONCAT(
      ['place ' || place, 'plan ' || plan],
      LIST_DISTINCT(['type ' || {{ type_name("type") }} FOR type IN STRING_SPLIT(types, CHR(31))])
    )) AS fact
  FROM sums
)
{%- else -%}
sums CROSS JOIN UNNEST(ARRAY_CONCAT(
  [CONCAT('place ', place), CONCAT('plan ', plan)],
  ARRAY(SELECT DISTINCT CONCAT('type ', {{ type_name("type") }}) FROM UNNEST(SPLIT(types, CHR(31))) AS type)
)) AS fact
{%- endif -%}
{%- endmacro -%}

{#- `prefix0, prefix1, ...` -#}
{%- macro all(prefix, number, between=", ") -%}
{% for i in range(number) %}{{ prefix }}{{ i }}{% if not loop.last %}{{ between }}{% endif %}{% endfor %}
{%- endmacro -%}
{%- set ltv, plan = channels, channels + 1 -%}

  texts AS (
    SELECT
      *,
{% for i in range(channels + 1) %}
      {{ carries("trait_%d" % i) }} AS carries_{{ i }}, {{ number("trait_%d" % i) }} AS number_{{ i }},
{% endfor %}
{% for i in range(channels) %}
      {{ number("trait_%d" % i) }} BETWEEN 0 AND {{ p("most") }} AS valid_{{ i }},
{% endfor %}
      -- A list or an object in the place of a name is none.
      IF(
        trait_{{ plan }} = '' OR STARTS_WITH(trait_{{ plan }}, '{') OR STARTS_WITH(trait_{{ plan }}, '['),
        NULL,
        IF(LENGTH(trait_{{ plan }}) > {{ name_characters }}, SUBSTR(trait_{{ plan }}, 1, {{ name_characters }}), trait_{{ plan }})
      ) AS plan
    FROM people
  ),
  -- Whole numbers as floats: sums are exact up to 2^53, and beyond cannot overflow.
  figures AS (
    SELECT
      problem, identities, types, plan,{{ " canonical_segment_id, user_id," if members }}
{% for i in range(channels) %}
      carries_{{ i }}, IF(valid_{{ i }}, TRUNC(number_{{ i }}), 0) AS activity_{{ i }},
{% endfor %}
      -- A person's first activity that is no number from 0 to the most.
      CASE
{% for i in range(channels) %}
        WHEN carries_{{ i }} AND valid_{{ i }} IS NOT TRUE THEN CAST(trait_{{ i }} AS STRING)
{% endfor %}
      END AS odd_value,
      carries_{{ ltv }}, IF(ABS(number_{{ ltv }}) <= {{ p("most") }}, number_{{ ltv }}, NULL) AS ltv
    FROM texts
  ),
  totals AS (
    SELECT
      *,
      CASE
        WHEN problem IS NOT NULL THEN problem
        WHEN odd_value IS NULL THEN NULL
        WHEN NOT {{ is_number("odd_value") }} THEN 'activity_not_numeric'
        -- Digits without a number are too many for a float, as those of an infinite one are.
        WHEN IFNULL({{ "ISINF" if duckdb else "IS_INF" }}({{ float("odd_value") }}), TRUE) THEN 'activity_not_finite'
        WHEN {{ float("odd_value") }} < 0 THEN 'activity_negative'
        ELSE 'activity_too_large'
      END AS reason,
      {{ all("activity_", channels, " + ") }} AS total, GREATEST({{ all("activity_", channels) }}) AS largest
    FROM figures
  ),
  shares AS (
    SELECT
      *,
      largest / GREATEST(total, 1) AS share,
      {% for i in range(channels) %}CAST(activity_{{ i }} = largest AS INT64) + {% endfor %}0 = 1 AS alone
    FROM totals
  ),
  places AS (
    SELECT
      *,
      -- A reason against the profile, dormant, or the pattern's position, omnichannel last.
      CASE
        WHEN reason IS NOT NULL THEN reason
        WHEN total = 0 THEN 'dormant'
        WHEN NOT alone OR share <= {{ p("dominance") }} THEN '{{ channels }}'
{% for i in range(channels) %}
        WHEN activity_{{ i }} = largest THEN '{{ i }}'
{% endfor %}
      END AS place,
      share > {{ p("lower") }} AND share <= {{ p("upper") }} AND alone AS on_boundary
    FROM shares
  ){{ "" if members else "," }}
{% if members %}
SELECT
  canonical_segment_id, user_id, pattern, persona,
  -- The same people in every run and in every engine: by a hash of their id.
  {% set hash = "SHA256(" ~ p("seed") ~ " || IFNULL(canonical_segment_id, user_id))" -%}
  SUBSTR({{ hash if duckdb else "TO_HEX(%s)" % hash }}, 1, 8) < {{ p("holdout") }} AS holdout
FROM places JOIN personas USING (place)
{% else %}
  -- One pass over the people; what follows is over these few rows alone.
  sums AS (
    SELECT
      place,
      -- The others are not told apart by their names: each may have a plan of their own.
      {{ "IF(reason IS NULL AND total > 0, plan, NULL)" if plans else "CAST(NULL AS STRING)" }} AS plan,
      {{ "IF(reason IS NULL AND total > 0, types, NULL)" if types else "CAST(NULL AS STRING)" }} AS types,
      COUNT(*) AS n,
{% for i in range(channels) %}
      SUM(activity_{{ i }}) AS activity_{{ i }}, COUNTIF(carries_{{ i }}) AS carried_{{ i }},
{% endfor %}
      COUNTIF(carries_{{ ltv }} AND ltv IS NULL) AS odd_ltv, COUNT(ltv) AS carried_{{ ltv }}, COUNT(plan) AS carried_{{ plan }},
      {{ SUM }}(ltv) AS ltv, {{ SUM }}(ltv * ltv) AS ltv_squares,
      SUM(identities) AS identities, COUNTIF(identities <= {{ p("few") }}) AS few_identities,
      COUNTIF(on_boundary) AS on_boundary
    FROM places
    GROUP BY 1, 2, 3
  )
-- A plan or type more than are kept: the sign that there are too many.
SELECT
  fact,
  SUM(n) AS n,
  {% for i in range(channels + 1) %}SUM(IF(place = '{{ i }}', n, 0)) AS n_{{ i }}, {% endfor +%}
  {% for i in range(channels) %}SUM(activity_{{ i }}) AS activity_{{ i }}, {% endfor +%}
  {% for i in range(channels + 2) %}SUM(carried_{{ i }}) AS carried_{{ i }}, {% endfor +%}
  IFNULL({{ SUM }}(ltv), 0) AS ltv, IFNULL({{ SUM }}(ltv_squares), 0) AS ltv_squares, SUM(identities) AS identities,
  SUM(few_identities) AS few_identities, SUM(on_boundary) AS on_boundary, SUM(odd_ltv) AS odd_ltv,
  {{ "(SELECT n FROM space)" if drawn else "0" }} AS space
FROM {{ facts() }}
WHERE fact NOT IN ('plan ', 'type ')
GROUP BY fact
QUALIFY ROW_NUMBER() OVER (PARTITION BY SUBSTR(fact, 1, 5) ORDER BY fact) <= {{ most_names + 1 }}
{% endif %}
