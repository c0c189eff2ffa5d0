/** Slots over the range of the numbers: with so many, those of one slot are few unless they are alike. */
const slots = 4_096;

/**
 * The numbers that would stand at some places if all were sorted. Sorted are only those that fall into the slots of these places, which
 * is a few out of many where the numbers spread; where they all fall into one, it is the sort that it saves elsewhere.
 * @param numbers hold no NaN
 * @param places ascending, each within `numbers`
 */
export function orderStatistics(numbers: Float64Array, places: readonly number[]): number[] {
  let least = Infinity, most = -Infinity;
  for (const number of numbers) {
    if (number < least) least = number;
    if (number > most) most = number;
  }
  const scale = (slots - 1) / (most - least);
  if (!(scale > 0 && Number.isFinite(scale))) {
    // All alike, or infinite.
    const sorted = numbers.toSorted();
    return places.map((place) => sorted[place]);
  }
  const slotOf = new Uint16Array(numbers.length);
  const sizes = new Uint32Array(slots);
  // Subtraction and product round monotonously: a larger number never falls into an earlier slot.
  for (let at = 0; at < numbers.length; at++) {
    const slot = Math.floor((numbers[at] - least) * scale);
    slotOf[at] = slot;
    sizes[slot]++;
  }
  const begins = new Uint32Array(slots + 1);
  for (let slot = 0; slot < slots; slot++) begins[slot + 1] = begins[slot] + sizes[slot];
  const wanted = new Map<number, { numbers: Float64Array; filled: number }>();
  const slotAt = (place: number): number => {
    let low = 0, high = slots;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (begins[middle + 1] > place) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  for (const slot of places.map(slotAt)) if (!wanted.has(slot)) wanted.set(slot, { numbers: new Float64Array(sizes[slot]), filled: 0 });
  const isWanted = new Uint8Array(slots);
  for (const slot of wanted.keys()) isWanted[slot] = 1;
  for (let at = 0; at < numbers.length; at++) {
    if (isWanted[slotOf[at]] === 0) continue;
    const slot = wanted.get(slotOf[at])!;
    slot.numbers[slot.filled++] = numbers[at];
  }
  for (const slot of wanted.values()) slot.numbers.sort();
  return places.map((place) => {
    const slot = slotAt(place);
    return wanted.get(slot)!.numbers[place - begins[slot]];
  });
}
