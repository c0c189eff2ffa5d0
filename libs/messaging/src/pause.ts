/** A wait that ends early when it is woken, once for each wake-up that came before it. */
export class Pause {
  private woken = false;
  private end: (() => void) | undefined;

  wake(): void {
    this.woken = true;
    this.end?.();
  }

  /** Waits until woken, or `milliseconds` at most. */
  async wait(milliseconds?: number): Promise<void> {
    if (!this.woken) {
      await new Promise<void>((resolve) => {
        const timer = milliseconds === undefined ? undefined : setTimeout(resolve, milliseconds);
        this.end = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.end = undefined;
    }
    this.woken = false;
  }
}

/** Milliseconds to wait after the n-th failure in a row (from 1): `first`, then twice as long each time, up to `most`. */
export const backOff = (failures: number, first: number, most: number): number => Math.min(most, first * 2 ** Math.min(failures - 1, 20));
