-- UP Migration
ALTER TYPE mood ADD VALUE 'fine' AFTER 'sad';
INSERT INTO people (name, mood) VALUES ('Ann', 'sad');

-- DOWN Migration
/*
DELETE FROM people WHERE name = 'Ann';
*/
