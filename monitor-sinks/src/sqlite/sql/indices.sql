-- Few: each costs the writer a third of what the row costs.

CREATE INDEX IF NOT EXISTS generations_by_time ON generations (timestamp);
CREATE INDEX IF NOT EXISTS evaluations_by_time ON evaluations (timestamp);
CREATE INDEX IF NOT EXISTS samples_by_metric ON samples (metric, timestamp);
CREATE INDEX IF NOT EXISTS logs_by_time ON logs (timestamp);
CREATE INDEX IF NOT EXISTS alerts_by_name ON alerts (name, timestamp);
