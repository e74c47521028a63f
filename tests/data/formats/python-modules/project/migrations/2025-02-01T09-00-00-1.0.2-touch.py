"""Names in capitals."""


def upgrade():
    db.execute("""
        CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.name := upper(NEW.name);
            RETURN NEW;
        END;
        $$;
        CREATE TRIGGER accounts_touch BEFORE UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION touch();
    """)


def downgrade():
    db.execute("DROP TRIGGER accounts_touch ON accounts")
    db.execute("DROP FUNCTION touch()")
