/** A clock in milliseconds that stands still until it is moved. */
export class FakeClock {
  constructor(public time = 1_000_000) {}

  readonly now = (): number => this.time;

  advance(milliseconds: number): void {
    this.time += milliseconds;
  }
}
