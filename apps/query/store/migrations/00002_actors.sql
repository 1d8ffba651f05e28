-- +goose Up

-- On whose behalf the command was sent that led to an event; empty where that is nobody
-- known. changed_in is set in the last event of what such a command changed, and is the
-- organisation that it concerns, empty where none: the audit log.
ALTER TABLE journal ADD COLUMN cause_actor TEXT NOT NULL DEFAULT '';
ALTER TABLE journal ADD COLUMN changed_in TEXT;
CREATE INDEX journal_changed_in ON journal (tenant, changed_in, time, id) WHERE changed_in IS NOT NULL;
CREATE INDEX journal_changed ON journal (tenant, time, id) WHERE changed_in IS NOT NULL;

-- +goose Down
DROP INDEX journal_changed;
DROP INDEX journal_changed_in;
ALTER TABLE journal DROP COLUMN changed_in;
ALTER TABLE journal DROP COLUMN cause_actor;
