-- UP Migration
CREATE TABLE new_prices (id bigint);
ALTER TABLE new_prices RENAME TO prices;
CREATE INDEX prices_id ON prices (id);
CREATE INDEX others_id ON others (id);

-- DOWN Migration
/*
DROP TABLE new_prices;
*/
