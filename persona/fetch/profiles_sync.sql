{#- Profiles Sync's tables to the relation `people`, in BigQuery or, unloaded to files, in DuckDB.

    Rendered from checked sources of rows and from positions; every value is a query parameter. Each table is
    named as few times as can be: BigQuery works a WITH query out again wherever it is named. -#}
{%- set duckdb = dialect == "duckdb" -%}
{%- set TEXT = "VARCHAR" if duckdb else "STRING" -%}
{%- macro whole(number) %}{{ "TRY_CAST" if duckdb else "SAFE_CAST" }}({{ number }} AS {{ "BIGINT" if duckdb else "INT64" }}){% endmacro -%}
{%- macro p(name) %}{{ "$" if duckdb else "@" }}{{ name }}{% endmacro -%}

{% if drawn %}
  everybody AS (
    SELECT canonical_segment_id AS person FROM {{ user_traits }} WHERE canonical_segment_id IS NOT NULL
    UNION DISTINCT
    SELECT canonical_segment_id FROM {{ user_identifiers }} WHERE canonical_segment_id IS NOT NULL
  ),
  space AS (SELECT COUNT(*) AS n FROM everybody),
  drawn AS (
    SELECT person FROM everybody ORDER BY FARM_FINGERPRINT(CONCAT(@seed, person)), person LIMIT @wanted
  ),
{% endif %}
  -- The materialized table has a row a trait; where it has more, the latest counts. An identifier may have
  -- landed more than once.
  told AS (
    SELECT
      CAST(canonical_segment_id AS {{ TEXT }}) AS person, name, CAST(value AS {{ TEXT }}) AS value,
      CAST(NULL AS {{ TEXT }}) AS type
    FROM {{ user_traits }}
    WHERE canonical_segment_id IS NOT NULL
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY canonical_segment_id, name ORDER BY {{ whole("seq") }} DESC NULLS LAST, value NULLS FIRST
    ) = 1
    UNION ALL
    SELECT DISTINCT
      CAST(canonical_segment_id AS {{ TEXT }}), CAST(NULL AS {{ TEXT }}), value, IFNULL(type, '')
    FROM {{ user_identifiers }}
    WHERE canonical_segment_id IS NOT NULL
  ),
  profiles AS (
    SELECT
      person,
{% for i in range(channels + 2) %}
      MAX(IF(name = {{ p("trait_%d" % i) }}, value, NULL)) AS value_{{ i }},
{% endfor %}
      MIN(IF(type = 'user_id', NULLIF(value, ''), NULL)) AS user_id,
      COUNT(type) AS identities,
      STRING_AGG(type, CHR(31)) AS types
    FROM told
{% if drawn %}
    JOIN drawn USING (person)
{% endif %}
    GROUP BY person
  ),
{% if events %}
  events AS (
{% for position, table, partitioned in events %}
    SELECT segment_id, {{ position }} AS channel, `timestamp` AS moment
    FROM {{ table }}
    WHERE `timestamp` >= @since AND `timestamp` <= @until
{% if partitioned %}
      -- Loaded at most two days late; a filter on the event's own time reads every partition.
      AND _PARTITIONTIME >= TIMESTAMP_SUB(@since, INTERVAL 2 DAY)
{% endif %}
{% if not loop.last %}
    UNION ALL
{% endif %}
{% endfor %}
  ),
  -- Events keep the profile that they came in with; it may have been merged into another one since. Rows that
  -- were filled in later have no time: their order is that of `seq`.
  merges AS (
    SELECT segment_id, canonical_segment_id
    FROM {{ merges }}
    WHERE segment_id IS NOT NULL
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY segment_id ORDER BY {{ whole("seq") }} DESC NULLS LAST, `timestamp` DESC NULLS LAST
    ) = 1
  ),
  steps AS (
    SELECT
      IFNULL(canonical_segment_id, segment_id) AS person, channel, moment,
      LAG(moment) OVER (
        PARTITION BY IFNULL(canonical_segment_id, segment_id), channel ORDER BY moment
      ) AS before
    FROM events
    LEFT JOIN merges USING (segment_id)
  ),
  sessions AS (
    SELECT
      person,
{% for i in range(channels) %}
      COUNTIF(
        channel = {{ i }}
        AND (before IS NULL OR TIMESTAMP_DIFF(moment, before, MICROSECOND) >= @gap_{{ i }})
      ) AS sessions_{{ i }},
{% endfor %}
    FROM steps
    GROUP BY person
  ),
{% endif %}
  people AS (
    SELECT
{% for i in range(channels + 2) %}
      {{ "CAST(IFNULL(sessions_%d, 0) AS STRING)" % i if events and i < channels else "value_%d" % i }} AS trait_{{ i }},
{% endfor %}
      person AS canonical_segment_id, user_id, identities, types,
      CAST(NULL AS {{ TEXT }}) AS problem
    FROM profiles
{% if events %}
    LEFT JOIN sessions USING (person)
{% endif %}
{% if duckdb %}
    ORDER BY person
{% endif %}
  )
