-- What happened to people's accounts, sessions and keys: written by auth, never changed.
--
-- No foreign keys: an entry outlives the account that it is about.
CREATE TABLE IF NOT EXISTS audit (
    id           uuid PRIMARY KEY,
    at           timestamptz NOT NULL,               -- when it happened
    recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    what         text NOT NULL,
    user_id      uuid,
    client_id    text NOT NULL DEFAULT '',
    session_id   uuid,
    address      text NOT NULL DEFAULT '',           -- from where; of an IPv6 address the /64
    request_id   text NOT NULL DEFAULT '',
    detail       text NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS audit_of_user ON audit (user_id, at);
CREATE INDEX IF NOT EXISTS audit_by_time ON audit USING brin (at);

-- Against mistakes and injected SQL; the owner of the database can of course do anything.
CREATE OR REPLACE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN RAISE EXCEPTION ''the audit table is append-only''; END';
CREATE OR REPLACE TRIGGER audit_keeps_rows BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE OR REPLACE TRIGGER audit_keeps_all BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
