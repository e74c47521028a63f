-- UP Migration
CREATE TABLE a (id bigint);

-- DOWN Migration
/*
DO $$ BEGIN EXECUTE 'DROP TABLE a'; END $$;
*/
