// A second client of a SQLite file, in a process of its own: within one process two copies of SQLite do not see each other's
// locks, and closing a file in one lets go of the locks of the other.
import Database from 'better-sqlite3';

const database = new Database(process.argv[2]);
process.on('message', ({ sql, parameters }) => {
  try {
    const statement = database.prepare(sql);
    if (!statement.reader) statement.run(...parameters);
    process.send({ rows: statement.reader ? statement.all(...parameters) : [] });
  } catch (error) {
    process.send({ error: String(error) });
  }
});
