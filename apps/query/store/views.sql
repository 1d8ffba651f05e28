-- The view tables: one row per stream, with the version it shows and the view
-- as a JSON document. Streams that no view shows have a row in others. They hold nothing that is not in the journal, so they are
-- not migrated but rebuilt. The text in braces is replaced: {next} by the
-- suffix of tables that are being built, {generation} by a number, since names
-- of indexes stay when their tables are renamed.

CREATE TABLE orders{next} (
    tenant      TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    version     BIGINT NOT NULL,
    doc         TEXT   NOT NULL,
    lookup      TEXT   NOT NULL, -- digest of e-mail and locator; empty without a registrant
    holds_until BIGINT NOT NULL, -- deadline of an order that has not ended; 0 when it has
    status      TEXT   NOT NULL,
    seats       BIGINT NOT NULL, -- that the order holds or, confirmed, has
    PRIMARY KEY (tenant, id)
);
CREATE INDEX orders_lookup_{generation} ON orders{next} (tenant, lookup);
CREATE INDEX orders_holds_until_{generation} ON orders{next} (tenant, holds_until, id);
CREATE INDEX orders_totals_{generation} ON orders{next} (tenant, status, holds_until, seats);

CREATE TABLE assignments{next} (
    tenant  TEXT   NOT NULL,
    id      TEXT   NOT NULL, -- the order's
    version BIGINT NOT NULL,
    doc     TEXT   NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE payments{next} (
    tenant           TEXT   NOT NULL,
    id               TEXT   NOT NULL,
    version          BIGINT NOT NULL,
    doc              TEXT   NOT NULL,
    order_id         TEXT   NOT NULL,
    refund_failed_at BIGINT NOT NULL, -- 0 unless its refund has failed
    PRIMARY KEY (tenant, id)
);
CREATE INDEX payments_order_{generation} ON payments{next} (tenant, order_id);
CREATE INDEX payments_refund_failed_{generation} ON payments{next} (tenant, refund_failed_at, id);

CREATE TABLE conferences{next} (
    tenant    TEXT   NOT NULL,
    id        TEXT   NOT NULL,
    version   BIGINT NOT NULL,
    doc       TEXT   NOT NULL,
    slug      TEXT   NOT NULL,
    published BIGINT NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at   BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX conferences_slug_{generation} ON conferences{next} (tenant, slug);
CREATE INDEX conferences_starts_at_{generation} ON conferences{next} (tenant, published, starts_at, id, ends_at);

CREATE TABLE availability{next} (
    tenant  TEXT   NOT NULL,
    id      TEXT   NOT NULL, -- the conference's
    version BIGINT NOT NULL,
    doc     TEXT   NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE others{next} (
    tenant  TEXT   NOT NULL,
    id      TEXT   NOT NULL, -- the stream's whole name
    version BIGINT NOT NULL,
    doc     TEXT   NOT NULL,
    PRIMARY KEY (tenant, id)
);
