-- UP Migration
CREATE TABLE a (id bigint);

-- DOWN Migration
-- nothing to do here
