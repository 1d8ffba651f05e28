-- +goose Up

-- The orders to look at: what happened to each at a time has an effect that is due. The
-- sweep takes them out again, so that what is well costs nothing later.
CREATE TABLE checks (
    tenant   TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    order_id TEXT   NOT NULL,
    PRIMARY KEY (tenant, at, order_id)
);

-- The orders that the sweep found resting where they should not, since when the longest,
-- and how.
CREATE TABLE stuck (
    tenant   TEXT   NOT NULL,
    order_id TEXT   NOT NULL,
    since    BIGINT NOT NULL,
    doc      TEXT   NOT NULL,
    PRIMARY KEY (tenant, order_id)
);
CREATE INDEX stuck_since ON stuck (tenant, since, order_id);

-- +goose Down
DROP TABLE stuck;
DROP TABLE checks;
