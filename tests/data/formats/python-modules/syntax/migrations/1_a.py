def up(db):
    db.execute("SELECT 1"
