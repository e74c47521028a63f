-- Migration: 003_add_audit_tables
-- Description: Audit trail, written by triggers
-- Author: dbops maintainers
-- Date: 2026-11-21

-- ============================================================================
-- UP Migration
-- ============================================================================

-- No foreign keys: the trail outlives the rows that it speaks of.
CREATE TABLE IF NOT EXISTS audit_log (
    id                  bigint          NOT NULL GENERATED ALWAYS AS IDENTITY,
    table_name          text            NOT NULL,
    row_id              text,
    operation           text            NOT NULL,
    old_row             jsonb,
    new_row             jsonb,
    changed_columns     text[],
    changed_at          timestamptz     NOT NULL DEFAULT clock_timestamp(),
    transaction_id      bigint          NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    database_user       text            NOT NULL DEFAULT session_user,
    application_user    text,
    application_name    text,
    client_address      inet            DEFAULT inet_client_addr(),
    CONSTRAINT audit_log_pkey PRIMARY KEY (id),
    CONSTRAINT audit_log_operation_known CHECK (operation IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')),
    CONSTRAINT audit_log_rows_match_operation CHECK (
        (old_row IS NOT NULL) = (operation IN ('UPDATE', 'DELETE'))
        AND (new_row IS NOT NULL) = (operation IN ('INSERT', 'UPDATE'))
    )
);

COMMENT ON TABLE audit_log IS 'Who changed which row, when and how; written by triggers only, never changed';
COMMENT ON COLUMN audit_log.id IS 'Primary key';
COMMENT ON COLUMN audit_log.table_name IS 'Table that was changed';
COMMENT ON COLUMN audit_log.row_id IS 'Column id of the changed row, as text; null for TRUNCATE';
COMMENT ON COLUMN audit_log.operation IS 'INSERT, UPDATE, DELETE or TRUNCATE';
COMMENT ON COLUMN audit_log.old_row IS 'The row before, without its secret columns; for UPDATE and DELETE';
COMMENT ON COLUMN audit_log.new_row IS 'The row after, without its secret columns; for INSERT and UPDATE';
COMMENT ON COLUMN audit_log.changed_columns IS 'Names of the columns that an UPDATE changed, secret ones included';
COMMENT ON COLUMN audit_log.changed_at IS 'When the change was made, by the clock and not by the start of the transaction';
COMMENT ON COLUMN audit_log.transaction_id IS 'Transaction of the change: rows with the same value changed together';
COMMENT ON COLUMN audit_log.database_user IS 'Role that logged in to the database';
COMMENT ON COLUMN audit_log.application_user IS 'Setting app.username of the transaction (SET LOCAL app.username = ...); null if not set';
COMMENT ON COLUMN audit_log.application_name IS 'Program, as it named itself to the database';
COMMENT ON COLUMN audit_log.client_address IS 'Network address of the client; null over a local socket';

CREATE INDEX IF NOT EXISTS idx_audit_log_table_name_row_id ON audit_log (table_name, row_id, changed_at DESC);
CREATE INDEX IF NOT EXISTS idx_audit_log_application_user ON audit_log (application_user, changed_at DESC)
    WHERE application_user IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_audit_log_changed_at_brin ON audit_log USING brin (changed_at)
    WITH (pages_per_range = 32, autosummarize = on);

-- Writes the trail for any table whose key is a column named id. The trigger's
-- arguments name columns whose values must not be copied.
-- SECURITY DEFINER, so that a role may change a table without being able to
-- write the trail by hand. Its search_path is therefore empty of schemas that
-- others may write to, and the one table it needs is named in full.
CREATE OR REPLACE FUNCTION audit_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before_change   jsonb;
    after_change    jsonb;
    changed         text[];
    secret          text[] := coalesce(TG_ARGV, '{}');
BEGIN
    IF TG_OP IN ('UPDATE', 'DELETE') THEN
        before_change := to_jsonb(OLD);
    END IF;
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        after_change := to_jsonb(NEW);
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF before_change = after_change THEN
            RETURN NULL;
        END IF;
        SELECT array_agg(n.key ORDER BY n.key) INTO changed
        FROM jsonb_each(after_change) AS n
        WHERE n.value IS DISTINCT FROM before_change -> n.key;
    END IF;

    INSERT INTO public.audit_log (
        table_name, row_id, operation, old_row, new_row, changed_columns,
        application_user, application_name
    ) VALUES (
        TG_TABLE_NAME,
        coalesce(after_change, before_change) ->> 'id',
        TG_OP,
        before_change - secret,
        after_change - secret,
        changed,
        nullif(current_setting('app.username', true), ''),
        nullif(current_setting('application_name', true), '')
    );
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION audit_change() IS 'Trigger: writes the change to audit_log; arguments are columns to leave out';

-- Otherwise any role could hang the function on a table of its own and so write
-- what it likes into the trail. Firing an existing trigger needs no privilege.
REVOKE ALL ON FUNCTION audit_change() FROM PUBLIC;

-- Guards against mistakes. The owner can still disable the trigger for the length
-- of a transaction, which is how old entries are removed, or drop the table.
CREATE OR REPLACE FUNCTION audit_log_refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_log is append-only: % refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END;
$$;

COMMENT ON FUNCTION audit_log_refuse_change() IS 'Trigger: refuses to change, delete or truncate entries of audit_log';

CREATE OR REPLACE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuse_change();

-- What people decide: every change is recorded.
CREATE OR REPLACE TRIGGER users_audit AFTER INSERT OR UPDATE OR DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION audit_change('password_hash');
CREATE OR REPLACE TRIGGER accounts_audit AFTER INSERT OR UPDATE OR DELETE ON accounts
    FOR EACH ROW EXECUTE FUNCTION audit_change();
CREATE OR REPLACE TRIGGER instruments_audit AFTER INSERT OR UPDATE OR DELETE ON instruments
    FOR EACH ROW EXECUTE FUNCTION audit_change();
CREATE OR REPLACE TRIGGER sessions_audit AFTER INSERT OR UPDATE OR DELETE ON sessions
    FOR EACH ROW EXECUTE FUNCTION audit_change();

-- What the engine writes by the million: a new row is its own record, so only
-- what would rewrite history is recorded.
CREATE OR REPLACE TRIGGER orders_audit AFTER UPDATE OR DELETE ON orders
    FOR EACH ROW EXECUTE FUNCTION audit_change();
CREATE OR REPLACE TRIGGER fills_audit AFTER UPDATE OR DELETE ON fills
    FOR EACH ROW EXECUTE FUNCTION audit_change();
CREATE OR REPLACE TRIGGER positions_audit AFTER UPDATE OR DELETE ON positions
    FOR EACH ROW EXECUTE FUNCTION audit_change();
CREATE OR REPLACE TRIGGER trades_audit AFTER UPDATE OR DELETE ON trades
    FOR EACH ROW EXECUTE FUNCTION audit_change();

-- TRUNCATE fires no row triggers and would otherwise leave no trace.
CREATE OR REPLACE TRIGGER users_audit_truncate AFTER TRUNCATE ON users
    FOR EACH STATEMENT EXECUTE FUNCTION audit_change();
CREATE OR REPLACE TRIGGER accounts_audit_truncate AFTER TRUNCATE ON accounts
    FOR EACH STATEMENT EXECUTE FUNCTION audit_change();
CREATE OR REPLACE TRIGGER instruments_audit_truncate AFTER TRUNCATE ON instruments
    FOR EACH STATEMENT EXECUTE FUNCTION audit_change();
CREATE OR REPLACE TRIGGER sessions_audit_truncate AFTER TRUNCATE ON sessions
    FOR EACH STATEMENT EXECUTE FUNCTION audit_change();
CREATE OR REPLACE TRIGGER orders_audit_truncate AFTER TRUNCATE ON orders
    FOR EACH STATEMENT EXECUTE FUNCTION audit_change();
CREATE OR REPLACE TRIGGER fills_audit_truncate AFTER TRUNCATE ON fills
    FOR EACH STATEMENT EXECUTE FUNCTION audit_change();
CREATE OR REPLACE TRIGGER positions_audit_truncate AFTER TRUNCATE ON positions
    FOR EACH STATEMENT EXECUTE FUNCTION audit_change();
CREATE OR REPLACE TRIGGER trades_audit_truncate AFTER TRUNCATE ON trades
    FOR EACH STATEMENT EXECUTE FUNCTION audit_change();

-- ============================================================================
-- DOWN Migration
-- ============================================================================

-- To rollback, uncomment and run the following:
/*
DROP TRIGGER IF EXISTS trades_audit_truncate ON trades;
DROP TRIGGER IF EXISTS positions_audit_truncate ON positions;
DROP TRIGGER IF EXISTS fills_audit_truncate ON fills;
DROP TRIGGER IF EXISTS orders_audit_truncate ON orders;
DROP TRIGGER IF EXISTS sessions_audit_truncate ON sessions;
DROP TRIGGER IF EXISTS instruments_audit_truncate ON instruments;
DROP TRIGGER IF EXISTS accounts_audit_truncate ON accounts;
DROP TRIGGER IF EXISTS users_audit_truncate ON users;
DROP TRIGGER IF EXISTS trades_audit ON trades;
DROP TRIGGER IF EXISTS positions_audit ON positions;
DROP TRIGGER IF EXISTS fills_audit ON fills;
DROP TRIGGER IF EXISTS orders_audit ON orders;
DROP TRIGGER IF EXISTS sessions_audit ON sessions;
DROP TRIGGER IF EXISTS instruments_audit ON instruments;
DROP TRIGGER IF EXISTS accounts_audit ON accounts;
DROP TRIGGER IF EXISTS users_audit ON users;
DROP FUNCTION IF EXISTS audit_change();
DROP TABLE IF EXISTS audit_log;
DROP FUNCTION IF EXISTS audit_log_refuse_change();
*/
