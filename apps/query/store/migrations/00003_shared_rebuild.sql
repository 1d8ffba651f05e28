-- +goose Up

-- How far the rebuild of the view tables has come that is running, or how the
-- last one ended, for all processes to see: building is 1 while there are tables
-- beside the live ones; events of so many (total) were read; error says why it
-- failed.
ALTER TABLE view_tables ADD COLUMN building BIGINT NOT NULL DEFAULT 0;
ALTER TABLE view_tables ADD COLUMN events BIGINT NOT NULL DEFAULT 0;
ALTER TABLE view_tables ADD COLUMN total BIGINT NOT NULL DEFAULT 0;
ALTER TABLE view_tables ADD COLUMN error TEXT NOT NULL DEFAULT '';

-- The streams that got events during a rebuild, which has to catch up with them;
-- some more than once, so that nobody waits for anybody to add one.
CREATE TABLE behind (
    tenant TEXT NOT NULL,
    stream TEXT NOT NULL
);

-- +goose Down
DROP TABLE behind;
ALTER TABLE view_tables DROP COLUMN error;
ALTER TABLE view_tables DROP COLUMN total;
ALTER TABLE view_tables DROP COLUMN events;
ALTER TABLE view_tables DROP COLUMN building;
