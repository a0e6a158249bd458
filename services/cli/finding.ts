/** What `parley doctor` looked at and found. */
export interface Finding {
  readonly what: string;
  readonly found: string;
  /** What to do; absent if all is well. */
  readonly advice?: string;
}
