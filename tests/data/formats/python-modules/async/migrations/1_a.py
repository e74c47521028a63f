async def up(db):
    await db.execute("SELECT 1")
