-- Of the owner of the database from 15 on.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO <reader>;
GRANT CREATE ON SCHEMA public TO <writer>;
COMMENT ON SCHEMA public IS 'the schema public, with a comment of its own';
