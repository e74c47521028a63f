-- UP Migration
CREATE TABLE IF NOT EXISTS my_table (
    id UUID PRIMARY KEY DEFAULT uuid_generate_v4(),
    name VARCHAR(100) NOT NULL,
    created_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_my_table_name ON my_table (name);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_users_email ON users (email);

-- DOWN Migration
/*
DROP INDEX IF EXISTS idx_users_email;
DROP INDEX IF EXISTS idx_my_table_name;
DROP TABLE IF EXISTS my_table CASCADE;
*/
