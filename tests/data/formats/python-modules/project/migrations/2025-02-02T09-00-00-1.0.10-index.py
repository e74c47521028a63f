transactional = False


def up(db):
    db.execute("CREATE INDEX CONCURRENTLY IF NOT EXISTS accounts_name ON accounts (name)")


def down(db):
    db.execute("DROP INDEX CONCURRENTLY IF EXISTS accounts_name")
