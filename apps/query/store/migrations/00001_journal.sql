-- +goose Up

-- Says that the database has the form that 0.3.0 began with. Those of 0.1.0 and
-- 0.2.0 lack it and are refused.
CREATE TABLE format (
    name TEXT NOT NULL
);
INSERT INTO format (name) VALUES ('plenary-query-1');

-- Every event as it was received, once. The views are made from it alone. Times
-- are nanoseconds since 1970. about is the order or conference that the event is
-- about, where its stream is not that one's own. decision_end is the version of
-- the last event of the same decision, 0 for that event itself.
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
    decision_end   BIGINT NOT NULL,
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

-- One row: which shape the view tables have, and how often they were built. How
-- far the rebuild has come that is running, or how the last one ended, is here for
-- all processes to see: building is 1 while there are tables beside the live ones;
-- events of so many (total) were read; error says why it failed.
CREATE TABLE view_tables (
    shape      BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    building   BIGINT NOT NULL,
    events     BIGINT NOT NULL,
    total      BIGINT NOT NULL,
    error      TEXT   NOT NULL
);
INSERT INTO view_tables (shape, generation, building, events, total, error) VALUES (0, 0, 0, 0, 0, '');

-- The streams that got events during a rebuild, which has to catch up with them;
-- some more than once, so that nobody waits for anybody to add one.
CREATE TABLE behind (
    tenant TEXT NOT NULL,
    stream TEXT NOT NULL
);

-- Messages that were given up. sent_as is the id of what was sent for one last,
-- the message itself or what says that it was discarded, and sends how often
-- something was. settled_at is 0 until that has been handled, or has come back:
-- came_back is then the letter that it came back as.
CREATE TABLE dead_letters (
    id              TEXT   NOT NULL PRIMARY KEY,
    tenant          TEXT   NOT NULL,
    status          TEXT   NOT NULL,
    received_at     BIGINT NOT NULL,
    kind            TEXT   NOT NULL,
    topic           TEXT   NOT NULL,
    handler         TEXT   NOT NULL,
    stream          TEXT   NOT NULL,
    reason          TEXT   NOT NULL,
    attempts        BIGINT NOT NULL,
    message_id      TEXT   NOT NULL,
    message_type    TEXT   NOT NULL,
    original_id     TEXT   NOT NULL,
    effects_through BIGINT NOT NULL,
    truncated       BIGINT NOT NULL,
    message         BYTEA  NOT NULL, -- SQLite stores bytes whatever the type is called
    sends           BIGINT NOT NULL,
    sent_as         TEXT   NOT NULL,
    closed_at       BIGINT NOT NULL,
    settled_at      BIGINT NOT NULL,
    came_back       TEXT   NOT NULL
);
CREATE INDEX dead_letters_newest ON dead_letters (tenant, received_at, id);
CREATE INDEX dead_letters_unsettled ON dead_letters (tenant, received_at, id) WHERE settled_at = 0;
CREATE INDEX dead_letters_stream ON dead_letters (tenant, stream) WHERE settled_at = 0;
CREATE INDEX dead_letters_sent_as ON dead_letters (sent_as) WHERE sent_as <> '';

-- +goose Down
DROP TABLE dead_letters;
DROP TABLE behind;
DROP TABLE view_tables;
DROP TABLE waiting;
DROP TABLE journal;
DROP TABLE format;
