import { publish } from "../table.js";
import { evictions } from "./eviction.js";
import { hits } from "./hits.js";
import { memory } from "./memory.js";
import { misses } from "./misses.js";
import { promisesOfHits } from "./promises.js";

const ROUNDS = 9;

await publish("cache", "The cache core against its peers", [
  await memory(),
  await promisesOfHits(),
  await hits(1000, ROUNDS),
  await hits(100_000, ROUNDS),
  await hits(1_000_000, ROUNDS),
  await misses(1000, ROUNDS),
  await misses(100_000, ROUNDS),
  await evictions(ROUNDS),
]);
