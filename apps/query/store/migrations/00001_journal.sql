-- +goose Up

-- Every event as it was received, once. It is the truth that the views are made
-- of. Times are nanoseconds since 1970. about is the order or conference that
-- the event is about, where its stream is not that one's own.
CREATE TABLE journal (
    tenant         TEXT   NOT NULL,
    stream         TEXT   NOT NULL,
    version        BIGINT NOT NULL,
    id             TEXT   NOT NULL,
    type           TEXT   NOT NULL,
    source         TEXT   NOT NULL,
    time           BIGINT NOT NULL,
    correlation_id TEXT   NOT NULL,
    trace_parent   TEXT   NOT NULL,
    cause_id       TEXT   NOT NULL,
    cause_type     TEXT   NOT NULL,
    cause_time     BIGINT NOT NULL,
    cause_source   TEXT   NOT NULL,
    cause_cause    TEXT   NOT NULL,
    data           TEXT   NOT NULL,
    about          TEXT,
    PRIMARY KEY (tenant, stream, version)
);
-- In the order in which a command's events are read, or SQLite would rather walk
-- the whole journal in that order than sort a handful.
CREATE INDEX journal_cause ON journal (tenant, cause_id, stream, version);
CREATE INDEX journal_about ON journal (tenant, about) WHERE about IS NOT NULL;

-- The streams with events in the journal that are not shown, because one before
-- them has not come yet: shown is the last version that the views show. Of all
-- other streams they show everything.
CREATE TABLE waiting (
    tenant TEXT   NOT NULL,
    stream TEXT   NOT NULL,
    shown  BIGINT NOT NULL,
    PRIMARY KEY (tenant, stream)
);

-- One row: which shape the view tables have, and how often they were built.
CREATE TABLE view_tables (
    shape      BIGINT NOT NULL,
    generation BIGINT NOT NULL
);
INSERT INTO view_tables (shape, generation) VALUES (0, 0);

-- Messages that were given up.
CREATE TABLE dead_letters (
    id           TEXT   NOT NULL PRIMARY KEY,
    tenant       TEXT   NOT NULL,
    status       TEXT   NOT NULL,
    received_at  BIGINT NOT NULL,
    kind         TEXT   NOT NULL,
    topic        TEXT   NOT NULL,
    handler      TEXT   NOT NULL,
    stream       TEXT   NOT NULL,
    reason       TEXT   NOT NULL,
    attempts     BIGINT NOT NULL,
    message_id   TEXT   NOT NULL,
    message_type TEXT   NOT NULL,
    message      BYTEA  NOT NULL, -- SQLite stores bytes whatever the type is called
    retried_as   TEXT   NOT NULL,
    closed_at    BIGINT NOT NULL
);
CREATE INDEX dead_letters_newest ON dead_letters (tenant, received_at, id);

-- +goose Down
DROP TABLE dead_letters;
DROP TABLE view_tables;
DROP TABLE waiting;
DROP TABLE journal;
