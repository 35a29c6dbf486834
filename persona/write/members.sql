-- Who belongs to which pattern, by the rule of run {{ framework.run_id }} ({{ framework.created_at }}).
-- A view of everybody as they are when it is asked, also where that run counted people drawn at random;
-- dormant and rejected profiles are in no pattern. `persona` is the name that the author gave the pattern.
-- `holdout` marks the people to leave alone, whom the others are compared with: a hash of their id decides
-- (canonical_segment_id, else user_id), the same in every run and every engine; null where there is no id.
{% if dialect == "bigquery" %}
-- Run it in BigQuery; another name puts the view elsewhere.
{% else %}
-- Run it in DuckDB 2 or newer where the files lie under the same names (gs:// takes httpfs).
{% endif %}
CREATE OR REPLACE VIEW {{ view }} AS
WITH personas AS (
{% for key in keys %}
{{ "  UNION ALL\n" if not loop.first }}  SELECT '{{ loop.index0 }}' AS place, {{ text(key) }} AS pattern, {{ text(names[key]) if key in names else nobody }} AS persona
{% endfor %}
),
{{ query }};
