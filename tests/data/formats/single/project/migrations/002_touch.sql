-- Description: 002_touch
-- UP Migration
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.name := upper(NEW.name);
    RETURN NEW;
END;
$$;
CREATE TRIGGER accounts_touch BEFORE UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION touch();

-- DOWN Migration
/*
DROP TRIGGER accounts_touch ON accounts;
DROP FUNCTION touch();
*/
