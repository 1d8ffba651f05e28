-- +goose Up

-- The version of the last event of the same decision, 0 for that event itself.
ALTER TABLE journal ADD COLUMN decision_end BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE journal DROP COLUMN decision_end;
