CREATE TABLE "assignments" (tenant TEXT NOT NULL, id TEXT NOT NULL, version BIGINT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (tenant, id));
CREATE TABLE "availability" (tenant TEXT NOT NULL, id TEXT NOT NULL, version BIGINT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (tenant, id));
CREATE TABLE behind (
    tenant TEXT NOT NULL,
    stream TEXT NOT NULL
);
CREATE TABLE "conferences" (tenant TEXT NOT NULL, id TEXT NOT NULL, version BIGINT NOT NULL, doc TEXT NOT NULL, slug TEXT NOT NULL, published BIGINT NOT NULL, starts_at BIGINT NOT NULL, ends_at BIGINT NOT NULL, PRIMARY KEY (tenant, id));
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
CREATE TABLE format (
    name TEXT NOT NULL
);
CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
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
CREATE TABLE "lines" (tenant TEXT NOT NULL, conference TEXT NOT NULL, seat_type TEXT NOT NULL, sold BIGINT NOT NULL, seats BIGINT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (tenant, conference, seat_type, sold, seats, id));
CREATE TABLE "orders" (tenant TEXT NOT NULL, id TEXT NOT NULL, version BIGINT NOT NULL, doc TEXT NOT NULL, lookup TEXT NOT NULL, holds_until BIGINT NOT NULL, status TEXT NOT NULL, seats BIGINT NOT NULL, conference TEXT NOT NULL, placed_at BIGINT NOT NULL, confirmed_at BIGINT NOT NULL, total BIGINT NOT NULL, sold BIGINT NOT NULL, payment TEXT NOT NULL, PRIMARY KEY (tenant, id));
CREATE TABLE "others" (tenant TEXT NOT NULL, id TEXT NOT NULL, version BIGINT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (tenant, id));
CREATE TABLE "payments" (tenant TEXT NOT NULL, id TEXT NOT NULL, version BIGINT NOT NULL, doc TEXT NOT NULL, order_id TEXT NOT NULL, refund_failed_at BIGINT NOT NULL, status TEXT NOT NULL, amount BIGINT NOT NULL, completed_at BIGINT NOT NULL, PRIMARY KEY (tenant, id));
CREATE TABLE "terms" (tenant TEXT NOT NULL, kind TEXT NOT NULL, term TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (tenant, kind, term, id));
CREATE TABLE view_tables (
    shape      BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    building   BIGINT NOT NULL,
    events     BIGINT NOT NULL,
    total      BIGINT NOT NULL,
    error      TEXT   NOT NULL
);
CREATE TABLE waiting (
    tenant TEXT   NOT NULL,
    stream TEXT   NOT NULL,
    shown  BIGINT NOT NULL,
    PRIMARY KEY (tenant, stream)
);
CREATE INDEX conferences_all_1 ON "conferences" (tenant, starts_at, id);
CREATE INDEX conferences_ends_at_1 ON "conferences" (tenant, published, ends_at, id);
CREATE INDEX conferences_slug_1 ON "conferences" (tenant, slug);
CREATE INDEX conferences_starts_at_1 ON "conferences" (tenant, published, starts_at, id, ends_at);
CREATE INDEX dead_letters_newest ON dead_letters (tenant, received_at, id);
CREATE INDEX dead_letters_sent_as ON dead_letters (sent_as) WHERE sent_as <> '';
CREATE INDEX dead_letters_stream ON dead_letters (tenant, stream) WHERE settled_at = 0;
CREATE INDEX dead_letters_unsettled ON dead_letters (tenant, received_at, id) WHERE settled_at = 0;
CREATE INDEX journal_about ON journal (tenant, about) WHERE about IS NOT NULL;
CREATE INDEX journal_cause ON journal (tenant, cause_id, stream, version);
CREATE INDEX orders_conference_1 ON "orders" (tenant, conference, placed_at, id, status);
CREATE INDEX orders_holds_until_1 ON "orders" (tenant, holds_until, id);
CREATE INDEX orders_lookup_1 ON "orders" (tenant, lookup);
CREATE INDEX orders_newest_1 ON "orders" (tenant, placed_at, id);
CREATE INDEX orders_sales_1 ON "orders" (tenant, conference, confirmed_at, status, sold, total);
CREATE INDEX orders_totals_1 ON "orders" (tenant, status, holds_until, seats);
CREATE INDEX payments_completed_1 ON "payments" (tenant, status, completed_at, id);
CREATE INDEX payments_order_1 ON "payments" (tenant, order_id, status, amount);
CREATE INDEX payments_refund_failed_1 ON "payments" (tenant, refund_failed_at, id);
INSERT INTO assignments VALUES ('main', '0bde0000-0000-4000-8000-000000000001', 2, '{"assignments":[{"position":0,"seatType":"5ea70000-0000-4000-8000-000000000001"},{"position":1,"seatType":"5ea70000-0000-4000-8000-000000000002","attendee":{"firstName":"Ann","lastName":"Lee","email":"Ann.Lee@example.com","type":"paid"}}],"revision":2}');
INSERT INTO availability VALUES ('main', 'c0000000-0000-4000-8000-000000000001', 3, '{"remaining":{"5ea70000-0000-4000-8000-000000000001":98},"revision":2}');
INSERT INTO conferences VALUES ('main', 'c0000000-0000-4000-8000-000000000001', 5, '{"id":"c0000000-0000-4000-8000-000000000001","slug":"gophers","name":"Gophers","description":"","location":"","timeZone":"Asia/Shanghai","startsAt":"2027-04-01T12:00:00.123456789Z","endsAt":"2027-04-03T12:00:00.123456789Z","currency":"USD","published":true,"seatTypes":[{"id":"5ea70000-0000-4000-8000-000000000001","name":"General admission","description":"","price":{"amount":19900,"currency":"USD"},"sales":{"close":"0001-01-01T00:00:00Z"},"quota":100,"remaining":0},{"id":"5ea70000-0000-4000-8000-000000000002","name":"Cocktail party","description":"","price":{"amount":5500,"currency":"USD"},"sales":{"close":"0001-01-01T00:00:00Z"},"quota":20,"remaining":0}],"revision":5}', 'gophers', 1, 1806580800123456789, 1806753600123456789);
INSERT INTO dead_letters VALUES ('letter', 'main', 'open', 1803902400123456789, 'command', 'orders', 'order', 'order/0bde0000-0000-4000-8000-000000000001', 'panic', 3, 'bad', 'ConfirmOrder.v1', '', 0, 0, X'7B226964223A22626164227D', 0, '', 0, 0, '');
INSERT INTO format VALUES ('plenary-query-1');
INSERT INTO goose_db_version VALUES (1, 0, 1, '2026-11-28 18:27:49');
INSERT INTO goose_db_version VALUES (2, 1, 1, '2026-11-28 18:27:49');
INSERT INTO journal VALUES ('main', 'assignments/0bde0000-0000-4000-8000-000000000001', 1, 'd2110096-9359-57d8-9e8a-e1adce4144af', 'SeatAssignmentsCreated.v1', 'test', 1803902401123456789, '', '', 'de7d4f99-b097-5b68-8f0b-9f0db4c4cc83', 'Command.v1', 1803902401122456789, 'web', '', '{"orderId":"0bde0000-0000-4000-8000-000000000001","conferenceId":"00000000-0000-0000-0000-000000000000","positions":["5ea70000-0000-4000-8000-000000000001","5ea70000-0000-4000-8000-000000000002"]}', 0, NULL);
INSERT INTO journal VALUES ('main', 'assignments/0bde0000-0000-4000-8000-000000000001', 2, 'e16782a1-494e-5af9-827b-c96d2b105641', 'SeatAssigned.v1', 'test', 1803902402123456789, '', '', '849eb5f4-687c-5bb5-a9ea-0cf1f6ca64a5', 'Command.v1', 1803902402122456789, 'web', '', '{"orderId":"0bde0000-0000-4000-8000-000000000001","position":1,"seatType":"5ea70000-0000-4000-8000-000000000002","attendee":{"firstName":"Ann","lastName":"Lee","email":"Ann.Lee@example.com","type":"paid"}}', 0, NULL);
INSERT INTO journal VALUES ('main', 'conference/c0000000-0000-4000-8000-000000000001', 1, 'b2aca024-de15-592f-a3f2-c27415761d7c', 'ConferenceCreated.v1', 'test', 1803902401123456789, '', '', '2d41e551-1d5c-51ef-b221-4e10d0f39ac2', 'Command.v1', 1803902401122456789, 'web', '', '{"conferenceId":"c0000000-0000-4000-8000-000000000001","slug":"gophers","owner":"o","currency":"USD","details":{"name":"Gophers","description":"","location":"","timeZone":"Asia/Shanghai","startsAt":"2027-04-01T12:00:00.123456789Z","endsAt":"2027-04-03T12:00:00.123456789Z"}}', 0, NULL);
INSERT INTO journal VALUES ('main', 'conference/c0000000-0000-4000-8000-000000000001', 2, 'a1b31225-76de-5335-ac91-17699374b693', 'SeatTypeAdded.v1', 'test', 1803902402123456789, '', '', 'fdf13929-b56a-5603-9312-03500ff951b4', 'Command.v1', 1803902402122456789, 'web', '', '{"conferenceId":"c0000000-0000-4000-8000-000000000001","seatTypeId":"5ea70000-0000-4000-8000-000000000001","name":"General admission","description":"","price":{"amount":19900,"currency":"USD"},"quota":100}', 0, NULL);
INSERT INTO journal VALUES ('main', 'conference/c0000000-0000-4000-8000-000000000001', 3, 'cbe1e3f9-d2d5-5c88-9ae3-0dc71dcb99ec', 'SeatTypeAdded.v1', 'test', 1803902403123456789, '', '', 'f442840f-80cd-52f2-8a63-5e52c4ef3629', 'Command.v1', 1803902403122456789, 'web', '', '{"conferenceId":"c0000000-0000-4000-8000-000000000001","seatTypeId":"5ea70000-0000-4000-8000-000000000002","name":"Additional cocktail party","description":"","price":{"amount":5000,"currency":"USD"},"quota":10}', 0, NULL);
INSERT INTO journal VALUES ('main', 'conference/c0000000-0000-4000-8000-000000000001', 4, '5bd6be54-bc89-5f7d-ae8b-a761a53adb1b', 'ConferencePublished.v1', 'test', 1803902404123456789, '', '', '398d8374-d6c4-5dd2-80cb-02a46e7692d5', 'Command.v1', 1803902404122456789, 'web', '', '{"conferenceId":"c0000000-0000-4000-8000-000000000001"}', 0, NULL);
INSERT INTO journal VALUES ('main', 'conference/c0000000-0000-4000-8000-000000000001', 5, '457bc21d-3f0c-56f2-8819-3b001e794d96', 'SeatTypeUpdated.v1', 'test', 1803902405123456789, '', '', 'cce31a6d-3f90-5475-9e0f-1daa44592324', 'Command.v1', 1803902405122456789, 'web', '', '{"conferenceId":"c0000000-0000-4000-8000-000000000001","seatTypeId":"5ea70000-0000-4000-8000-000000000002","name":"Cocktail party","description":"","price":{"amount":5500,"currency":"USD"},"quota":20}', 0, NULL);
INSERT INTO journal VALUES ('main', 'order/0bde0000-0000-4000-8000-000000000001', 1, '49130644-1761-57ac-9600-41171ce050a4', 'OrderPlaced.v1', 'test', 1803902401123456789, '', '', 'ff5ccd9c-7f4c-56f2-8903-da028c8a733d', 'Command.v1', 1803902401122456789, 'web', '', '{"orderId":"0bde0000-0000-4000-8000-000000000001","conferenceId":"c0000000-0000-4000-8000-000000000001","version":1,"items":[{"seatType":"5ea70000-0000-4000-8000-000000000001","quantity":1},{"seatType":"5ea70000-0000-4000-8000-000000000002","quantity":1}],"deadline":"2027-03-01T12:15:00.123456789Z","locator":"K7PQ2MXA"}', 0, NULL);
INSERT INTO journal VALUES ('main', 'order/0bde0000-0000-4000-8000-000000000001', 2, 'd423c4be-e368-5a0e-830d-13b3be91a9aa', 'OrderTotalsCalculated.v1', 'test', 1803902402123456789, '', '', 'c685e560-b69d-535b-8830-d623b18c8201', 'Command.v1', 1803902402122456789, 'web', '', '{"orderId":"0bde0000-0000-4000-8000-000000000001","version":1,"lines":[{"seatType":"5ea70000-0000-4000-8000-000000000001","name":"General admission","unitPrice":{"amount":19900,"currency":"USD"},"requested":1,"granted":0,"state":"requested","total":{"amount":19900,"currency":"USD"}},{"seatType":"5ea70000-0000-4000-8000-000000000002","name":"Additional cocktail party","unitPrice":{"amount":5000,"currency":"USD"},"requested":1,"granted":0,"state":"requested","total":{"amount":5000,"currency":"USD"}}],"total":{"amount":24900,"currency":"USD"},"isFreeOfCharge":false}', 0, NULL);
INSERT INTO journal VALUES ('main', 'order/0bde0000-0000-4000-8000-000000000001', 3, '72e3868f-474e-57db-8c65-eb677ae0cfbf', 'OrderRegistrantAssigned.v1', 'test', 1803902403123456789, '', '', '6af71c64-a028-557b-afd7-b4f820ce862a', 'Command.v1', 1803902403122456789, 'web', '', '{"orderId":"0bde0000-0000-4000-8000-000000000001","registrant":{"firstName":"Ann","lastName":"Lee","email":"Ann.Lee@example.com"}}', 0, NULL);
INSERT INTO journal VALUES ('main', 'order/0bde0000-0000-4000-8000-000000000001', 4, 'cbdaab49-f39d-5429-a4a8-ca845ca904b3', 'OrderReservationCompleted.v1', 'test', 1803902404123456789, '', '', '4c37df80-4c34-5108-9d75-73e61f1a4172', 'Command.v1', 1803902404122456789, 'web', '', '{"orderId":"0bde0000-0000-4000-8000-000000000001","version":1,"granted":[{"seatType":"5ea70000-0000-4000-8000-000000000001","quantity":1},{"seatType":"5ea70000-0000-4000-8000-000000000002","quantity":1}],"deadline":"2027-03-01T12:15:00.123456789Z"}', 0, NULL);
INSERT INTO journal VALUES ('main', 'order/0bde0000-0000-4000-8000-000000000001', 5, '89729174-751c-581d-9ff0-f1ecc50c797c', 'OrderTotalsCalculated.v1', 'test', 1803902405123456789, '', '', '6ccecc95-d068-5451-a690-8c32ee1b832c', 'Command.v1', 1803902405122456789, 'web', '', '{"orderId":"0bde0000-0000-4000-8000-000000000001","version":1,"lines":[{"seatType":"5ea70000-0000-4000-8000-000000000001","name":"General admission","unitPrice":{"amount":19900,"currency":"USD"},"requested":1,"granted":1,"state":"reserved","total":{"amount":19900,"currency":"USD"}},{"seatType":"5ea70000-0000-4000-8000-000000000002","name":"Additional cocktail party","unitPrice":{"amount":5000,"currency":"USD"},"requested":1,"granted":1,"state":"reserved","total":{"amount":5000,"currency":"USD"}}],"total":{"amount":24900,"currency":"USD"},"isFreeOfCharge":false}', 0, NULL);
INSERT INTO journal VALUES ('main', 'order/0bde0000-0000-4000-8000-000000000001', 6, 'eb6611b9-0994-5ab7-b393-18b1c88077ee', 'OrderConfirmed.v1', 'test', 1803902406123456789, '', '', 'd18f0487-f4ea-52fe-a6ba-b99994000161', 'Command.v1', 1803902406122456789, 'web', '', '{"orderId":"0bde0000-0000-4000-8000-000000000001","paymentId":"9a700000-0000-4000-8000-000000000001","seats":[{"seatType":"5ea70000-0000-4000-8000-000000000001","quantity":1},{"seatType":"5ea70000-0000-4000-8000-000000000002","quantity":1}],"total":{"amount":24900,"currency":"USD"}}', 0, NULL);
INSERT INTO journal VALUES ('main', 'order/0bde0000-0000-4000-8000-000000000002', 2, 'f9a571f7-5a13-591b-97fe-e1d162380a92', 'OrderTotalsCalculated.v1', 'test', 1803902402123456789, '', '', '437eb825-4e87-54d9-8f4c-b22327791166', 'Command.v1', 1803902402122456789, 'web', '', '{"orderId":"0bde0000-0000-4000-8000-000000000002","version":1,"lines":[{"seatType":"5ea70000-0000-4000-8000-000000000001","name":"General admission","unitPrice":{"amount":19900,"currency":"USD"},"requested":1,"granted":0,"state":"requested","total":{"amount":19900,"currency":"USD"}},{"seatType":"5ea70000-0000-4000-8000-000000000002","name":"Additional cocktail party","unitPrice":{"amount":5000,"currency":"USD"},"requested":1,"granted":0,"state":"requested","total":{"amount":5000,"currency":"USD"}}],"total":{"amount":24900,"currency":"USD"},"isFreeOfCharge":false}', 0, NULL);
INSERT INTO journal VALUES ('main', 'payment/9a700000-0000-4000-8000-000000000001', 1, '0ad7f151-34ce-5a77-b7c7-5d2a8bd84ad5', 'PaymentInitiated.v1', 'test', 1803902401123456789, '', '', '00cbf3af-1f09-5ee3-ac4a-e6113acec180', 'Command.v1', 1803902401122456789, 'web', '', '{"paymentId":"9a700000-0000-4000-8000-000000000001","orderId":"0bde0000-0000-4000-8000-000000000001","amount":{"amount":24900,"currency":"USD"},"provider":"demo"}', 0, '0bde0000-0000-4000-8000-000000000001');
INSERT INTO journal VALUES ('main', 'payment/9a700000-0000-4000-8000-000000000001', 2, 'cc9f4da9-fa5b-5caa-8033-8f88166ea9d9', 'PaymentCompleted.v1', 'test', 1803902402123456789, '', '', '625c6c40-e583-5c13-9f85-630530fd6227', 'Command.v1', 1803902402122456789, 'web', '', '{"paymentId":"9a700000-0000-4000-8000-000000000001","orderId":"0bde0000-0000-4000-8000-000000000001","amount":{"amount":24900,"currency":"USD"},"providerReference":"demo-1"}', 0, '0bde0000-0000-4000-8000-000000000001');
INSERT INTO journal VALUES ('main', 'seats/c0000000-0000-4000-8000-000000000001', 1, 'e7ac0742-4930-5b27-bbea-2181e6f7927a', 'SeatsQuotaSet.v1', 'test', 1803902401123456789, '', '', '0f6d7fb1-3d15-597e-abe1-295c91f6e10b', 'Command.v1', 1803902401122456789, 'web', '', '{"conferenceId":"c0000000-0000-4000-8000-000000000001","seatType":"5ea70000-0000-4000-8000-000000000001","quota":100,"version":2}', 0, NULL);
INSERT INTO journal VALUES ('main', 'seats/c0000000-0000-4000-8000-000000000001', 2, '8b0262f9-df0b-5489-a49b-2c57f8dce8cf', 'AvailableSeatsChanged.v1', 'test', 1803902402123456789, '', '', 'c5b0d724-b082-5184-97a2-1263f4d34237', 'Command.v1', 1803902402122456789, 'web', '', '{"conferenceId":"c0000000-0000-4000-8000-000000000001","seats":[{"seatType":"5ea70000-0000-4000-8000-000000000001","quota":100,"remaining":100}]}', 0, NULL);
INSERT INTO journal VALUES ('main', 'seats/c0000000-0000-4000-8000-000000000001', 3, '20ea875c-6ef2-5c65-aa24-9bd191e161c3', 'AvailableSeatsChanged.v1', 'test', 1803902403123456789, '', '', '62abc808-64f2-5a9b-a850-a615b0ee750c', 'Command.v1', 1803902403122456789, 'web', '', '{"conferenceId":"c0000000-0000-4000-8000-000000000001","seats":[{"seatType":"5ea70000-0000-4000-8000-000000000001","quota":100,"remaining":98}]}', 0, NULL);
INSERT INTO lines VALUES ('main', 'c0000000-0000-4000-8000-000000000001', '5ea70000-0000-4000-8000-000000000001', 1, 1, '0bde0000-0000-4000-8000-000000000001');
INSERT INTO lines VALUES ('main', 'c0000000-0000-4000-8000-000000000001', '5ea70000-0000-4000-8000-000000000002', 1, 1, '0bde0000-0000-4000-8000-000000000001');
INSERT INTO orders VALUES ('main', '0bde0000-0000-4000-8000-000000000001', 6, '{"id":"0bde0000-0000-4000-8000-000000000001","conferenceId":"c0000000-0000-4000-8000-000000000001","status":"confirmed","version":1,"lines":[{"seatType":"5ea70000-0000-4000-8000-000000000001","name":"General admission","unitPrice":{"amount":19900,"currency":"USD"},"requested":1,"granted":1,"state":"reserved","total":{"amount":19900,"currency":"USD"}},{"seatType":"5ea70000-0000-4000-8000-000000000002","name":"Additional cocktail party","unitPrice":{"amount":5000,"currency":"USD"},"requested":1,"granted":1,"state":"reserved","total":{"amount":5000,"currency":"USD"}}],"total":{"amount":24900,"currency":"USD"},"isFreeOfCharge":false,"deadline":"2027-03-01T12:15:00.123456789Z","locator":"K7PQ2MXA","registrant":{"firstName":"Ann","lastName":"Lee","email":"Ann.Lee@example.com"},"paymentId":"9a700000-0000-4000-8000-000000000001","assignments":null,"payments":null,"placedAt":"2027-03-01T12:00:01.123456789Z","confirmedAt":"2027-03-01T12:00:06.123456789Z","updatedAt":"2027-03-01T12:00:06.123456789Z","revision":6}', '9c70d09022a1944daea2d3506ff51c79e76e30ec76d5d21d95e2f1f8cd15fdd9', 0, 'confirmed', 2, 'c0000000-0000-4000-8000-000000000001', 1803902401123456789, 1803902406123456789, 24900, 2, '9a700000-0000-4000-8000-000000000001');
INSERT INTO payments VALUES ('main', '9a700000-0000-4000-8000-000000000001', 2, '{"id":"9a700000-0000-4000-8000-000000000001","orderId":"0bde0000-0000-4000-8000-000000000001","amount":{"amount":24900,"currency":"USD"},"status":"completed","provider":"demo","providerReference":"demo-1","initiatedAt":"2027-03-01T12:00:01.123456789Z","completedAt":"2027-03-01T12:00:02.123456789Z","updatedAt":"2027-03-01T12:00:02.123456789Z","revision":2}', '0bde0000-0000-4000-8000-000000000001', 0, 'completed', 24900, 1803902402123456789);
INSERT INTO terms VALUES ('main', 'assignments', 'ann', '0bde0000-0000-4000-8000-000000000001');
INSERT INTO terms VALUES ('main', 'assignments', 'ann.lee@example.com', '0bde0000-0000-4000-8000-000000000001');
INSERT INTO terms VALUES ('main', 'assignments', 'com', '0bde0000-0000-4000-8000-000000000001');
INSERT INTO terms VALUES ('main', 'assignments', 'example', '0bde0000-0000-4000-8000-000000000001');
INSERT INTO terms VALUES ('main', 'assignments', 'lee', '0bde0000-0000-4000-8000-000000000001');
INSERT INTO terms VALUES ('main', 'conferences', 'gophers', 'c0000000-0000-4000-8000-000000000001');
INSERT INTO terms VALUES ('main', 'orders', 'ann', '0bde0000-0000-4000-8000-000000000001');
INSERT INTO terms VALUES ('main', 'orders', 'ann.lee@example.com', '0bde0000-0000-4000-8000-000000000001');
INSERT INTO terms VALUES ('main', 'orders', 'com', '0bde0000-0000-4000-8000-000000000001');
INSERT INTO terms VALUES ('main', 'orders', 'example', '0bde0000-0000-4000-8000-000000000001');
INSERT INTO terms VALUES ('main', 'orders', 'k7pq2mxa', '0bde0000-0000-4000-8000-000000000001');
INSERT INTO terms VALUES ('main', 'orders', 'lee', '0bde0000-0000-4000-8000-000000000001');
INSERT INTO view_tables VALUES (6, 1, 0, 0, 0, '');
INSERT INTO waiting VALUES ('main', 'order/0bde0000-0000-4000-8000-000000000002', 0);
