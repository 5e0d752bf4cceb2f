/** Something that is due for a host. */
export interface Due {
  /** Milliseconds. */
  readonly at: number;
  readonly number: number;
}

/** What is due next first; of what is due at one time, what was added first. */
export class EventQueue {
  // A binary heap: what stands at n is due before what stands at 2n + 1 and 2n + 2.
  readonly #heap: (Due & { readonly turn: number })[] = [];
  #turns = 0;

  add(at: number, number: number): void {
    const added = { at, number, turn: this.#turns };
    this.#turns += 1;
    let place = this.#heap.length;
    this.#heap.push(added);
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#heap[above];
      if (parent === undefined || isBefore(parent, added)) break;
      this.#heap[place] = parent;
      place = above;
    }
    this.#heap[place] = added;
  }

  /** Takes it out. `undefined`: nothing is due any more. */
  next(): Due | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (first === undefined || last === undefined || first === last) return first;
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      const [a, b] = [this.#heap[left], this.#heap[left + 1]];
      const below = a !== undefined && b !== undefined && isBefore(b, a) ? b : a;
      if (below === undefined || isBefore(last, below)) break;
      this.#heap[place] = below;
      place = below === a ? left : left + 1;
    }
    this.#heap[place] = last;
    return first;
  }
}

function isBefore(a: Due & { readonly turn: number }, b: Due & { readonly turn: number }): boolean {
  return a.at < b.at || (a.at === b.at && a.turn < b.turn);
}
