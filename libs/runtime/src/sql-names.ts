const MOST = 1_000;
/** Uses after which statements are prepared anew for the first time, and how many times more the next time. */
const FIRST_RENEWAL = 2_000;
const GROWTH = 4;

/**
 * Names for prepared statements: the same text is parsed once per connection. The number of names is bounded, since a
 * statement stays with its connection: text that is composed at run time goes unnamed once the names are used up.
 *
 * PostgreSQL keeps the plan of a prepared statement, and one that was made while a table was nearly empty reads all of it
 * when it is large. So statements are prepared anew as they are used more: after 2,000 uses, 8,000, 32,000 and so on.
 */
export class StatementNames {
  private readonly names = new Map<string, string>();
  private generation = 0;
  private uses = 0;
  private renewal = FIRST_RENEWAL;

  nameOf(sql: string): string | undefined {
    this.uses += 1;
    if (this.uses >= this.renewal) {
      this.renewal *= GROWTH;
      this.renew();
    }
    const known = this.names.get(sql);
    if (known !== undefined) return known;
    // What may hold several statements, or is no query, cannot be prepared.
    if (this.names.size >= MOST || sql.includes(';') || !/^\s*(select|insert|update|delete|with)\b/i.test(sql)) return undefined;
    const name = `s${this.generation}_${this.names.size}`;
    this.names.set(sql, name);
    return name;
  }

  /** All statements are prepared anew, under other names: also when a table has changed below them. */
  renew(): void {
    this.generation += 1;
    this.names.clear();
  }
}
