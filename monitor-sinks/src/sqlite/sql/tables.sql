-- The tables. An `id` counts across generations, evaluations, samples, logs and alerts: it is the order of the events.
-- Times are RFC 3339 in UTC with six digits, so that they sort as text. A number that is not finite is null.

CREATE TABLE IF NOT EXISTS generations (
    id INTEGER PRIMARY KEY,
    timestamp TEXT NOT NULL,
    duration REAL,                      -- seconds
    success INTEGER NOT NULL,           -- 0 or 1
    model_name TEXT,
    operation TEXT,                     -- of the metadata, as a label
    finish_reason TEXT,
    error_type TEXT,                    -- of the metadata, as a label
    prompt_token_count INTEGER,
    completion_token_count INTEGER,
    total_token_count INTEGER,
    cached_token_count INTEGER,
    reasoning_token_count INTEGER,
    conversation_length INTEGER,        -- turns
    cost_usd REAL,
    unpriced INTEGER,                   -- 1: it used tokens, and there is no price for them
    error TEXT,
    metadata TEXT                       -- JSON
);

CREATE TABLE IF NOT EXISTS evaluations (
    id INTEGER PRIMARY KEY,
    timestamp TEXT NOT NULL,
    duration REAL,                      -- seconds
    success INTEGER NOT NULL,           -- 0 or 1
    evaluator_type TEXT NOT NULL,
    model_name TEXT,
    operation TEXT,                     -- of the metadata, as a label; the next two as well
    finish_reason TEXT,
    error_type TEXT,
    prompt_token_count INTEGER,
    completion_token_count INTEGER,
    total_token_count INTEGER,
    cached_token_count INTEGER,
    reasoning_token_count INTEGER,
    cost_usd REAL,
    unpriced INTEGER,                   -- 1: it used tokens, and there is no price for them
    error TEXT,                         -- empty: the caller said that there was none
    metadata TEXT                       -- JSON
);

CREATE TABLE IF NOT EXISTS scores (
    evaluation INTEGER NOT NULL,        -- its id
    position INTEGER NOT NULL,          -- from 0
    name TEXT NOT NULL,
    value REAL,                         -- null: not given
    feedback TEXT,
    PRIMARY KEY (evaluation, position)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS samples (
    id INTEGER PRIMARY KEY,
    timestamp TEXT NOT NULL,
    metric TEXT NOT NULL,
    value REAL,
    model_name TEXT,
    operation TEXT,
    evaluator_type TEXT,
    success TEXT,
    finish_reason TEXT,
    error_type TEXT,
    feedback TEXT,
    metadata TEXT,                      -- JSON; null: its labels are all that is known
    recorded_as TEXT                    -- its name as it was recorded, where `metric` shows another
);

CREATE TABLE IF NOT EXISTS logs (
    id INTEGER PRIMARY KEY,
    timestamp TEXT NOT NULL,
    level TEXT NOT NULL,                -- debug, info, warning, error, critical
    message TEXT NOT NULL,
    metadata TEXT                       -- JSON
);

CREATE TABLE IF NOT EXISTS alerts (
    id INTEGER PRIMARY KEY,
    timestamp TEXT NOT NULL,
    name TEXT NOT NULL,                 -- of the rule
    state TEXT NOT NULL,                -- firing, resolved
    level TEXT NOT NULL,
    message TEXT NOT NULL,
    labels TEXT NOT NULL,               -- JSON
    value REAL,                         -- what was compared
    mean REAL,                          -- of the window; these four are null together
    min REAL,
    max REAL,
    count INTEGER,
    since TEXT NOT NULL,
    key TEXT NOT NULL,                  -- the same for one change, however often it is sent
    annotations TEXT NOT NULL DEFAULT '{}', -- JSON
    repeat INTEGER NOT NULL DEFAULT 0,  -- how often people were reminded of it before
    chart TEXT                          -- a file with a picture of it
);

CREATE TABLE IF NOT EXISTS monitor_cursor (
    spool INTEGER NOT NULL,
    sink TEXT NOT NULL,
    next INTEGER NOT NULL,              -- it has all events before this one
    PRIMARY KEY (spool, sink)
) WITHOUT ROWID;
