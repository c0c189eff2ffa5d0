const MOST = 1_000;

/**
 * Names for prepared statements: the same text is parsed once per connection. The number of names is bounded, since a
 * statement stays with its connection: text that is composed at run time goes unnamed once the names are used up.
 */
export class StatementNames {
  private readonly names = new Map<string, string>();
  private generation = 0;

  nameOf(sql: string): string | undefined {
    const known = this.names.get(sql);
    if (known !== undefined) return known;
    // What may hold several statements, or is no query, cannot be prepared.
    if (this.names.size >= MOST || sql.includes(';') || !/^\s*(select|insert|update|delete|with)\b/i.test(sql)) return undefined;
    const name = `s${this.generation}_${this.names.size}`;
    this.names.set(sql, name);
    return name;
  }

  /** A table has changed below the prepared statements: all are prepared anew, under other names. */
  renew(): void {
    this.generation += 1;
    this.names.clear();
  }
}
