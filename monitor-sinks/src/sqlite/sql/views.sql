-- What a person asks. `metrics` is beside them, made of one arm a metric in `schema.rs`. Nothing here needs a newer SQLite than 3.30.

CREATE VIEW IF NOT EXISTS model_calls AS
SELECT id, timestamp, 'generation' AS type, coalesce(model_name, 'unknown') AS model_name,
    prompt_token_count, completion_token_count, total_token_count, cached_token_count,
    {reasoned} AS reasoning_token_count, cost_usd, unpriced
FROM generations WHERE prompt_token_count > 0 OR completion_token_count > 0 OR total_token_count > 0
UNION ALL
SELECT id, timestamp, 'evaluation', coalesce(model_name, 'unknown'),
    prompt_token_count, completion_token_count, total_token_count, cached_token_count,
    {reasoned}, cost_usd, unpriced
FROM evaluations WHERE prompt_token_count > 0 OR completion_token_count > 0 OR total_token_count > 0;

CREATE VIEW IF NOT EXISTS token_usage_by_model AS
SELECT model_name, count(*) AS calls,
    CAST(total(prompt_token_count) AS INTEGER) AS prompt_tokens,
    CAST(total(completion_token_count) AS INTEGER) AS completion_tokens,
    CAST(total(total_token_count) AS INTEGER) AS total_tokens,
    CAST(total(cached_token_count) AS INTEGER) AS cached_tokens,
    CAST(total(reasoning_token_count) AS INTEGER) AS reasoning_tokens,
    sum(cost_usd) AS cost_usd, count(unpriced) AS unpriced_calls
FROM model_calls GROUP BY model_name ORDER BY model_name;

CREATE VIEW IF NOT EXISTS daily_cost AS
SELECT substr(timestamp, 1, 10) AS day, model_name, count(*) AS calls,
    sum(cost_usd) AS cost_usd, count(unpriced) AS unpriced_calls
FROM model_calls GROUP BY 1, 2 ORDER BY 1, 2;

CREATE VIEW IF NOT EXISTS errors_by_type AS
SELECT coalesce(error_type, 'unknown') AS error_type, coalesce(model_name, 'unknown') AS model_name,
    count(*) AS errors, min(timestamp) AS first, max(timestamp) AS last
FROM generations WHERE NOT success GROUP BY 1, 2 ORDER BY errors DESC, 1, 2;

CREATE VIEW IF NOT EXISTS latency_by_model AS
SELECT model_name, operation, count(*) AS calls, avg(duration) AS mean_s,
    min(CASE WHEN place * 100 >= calls * 50 THEN duration END) AS p50_s,
    min(CASE WHEN place * 100 >= calls * 95 THEN duration END) AS p95_s,
    max(duration) AS max_s
FROM (
    SELECT coalesce(model_name, 'unknown') AS model_name, operation, duration,
        row_number() OVER (PARTITION BY model_name, operation ORDER BY duration) AS place,
        count(*) OVER (PARTITION BY model_name, operation) AS calls
    FROM generations WHERE duration IS NOT NULL
) GROUP BY 1, 2 ORDER BY 1, 2;

CREATE VIEW IF NOT EXISTS finish_reasons AS
SELECT coalesce(model_name, 'unknown') AS model_name, finish_reason, count(*) AS calls,
    count(*) * 1.0 / sum(count(*)) OVER (PARTITION BY coalesce(model_name, 'unknown')) AS share
FROM generations WHERE finish_reason IS NOT NULL GROUP BY 1, 2 ORDER BY 1, calls DESC, 2;

CREATE VIEW IF NOT EXISTS success_by_hour AS
SELECT substr(timestamp, 1, 13) || ':00:00Z' AS hour, count(*) AS calls, sum(NOT success) AS errors,
    avg(success) AS success_rate
FROM generations GROUP BY 1 ORDER BY 1;

CREATE VIEW IF NOT EXISTS evaluation_scores AS
SELECT name, count(value) AS count, avg(value) AS mean, min(value) AS min, max(value) AS max,
    count(*) - count(value) AS missing
FROM scores GROUP BY name ORDER BY name;

-- Of each rule and group the last change: SQLite takes the other columns from the row that has the maximum.
CREATE VIEW IF NOT EXISTS active_alerts AS
SELECT name, labels, level, message, value, since FROM (
    SELECT max(id), name, labels, level, message, value, since, state FROM alerts GROUP BY name, labels
) WHERE state = 'firing' ORDER BY since, name;
