import type { Backend } from "@instar/backend";

import { cacheScenes } from "./cache-scenes.ts";
import { qcow2Scenes } from "./qcow2-scenes.ts";
import type { Scene } from "./scene.ts";

/** How many kinds of disk there are. */
export const sceneCount: number = qcow2Scenes.length + cacheScenes.length;

/** Does something with the scene of a number; numbers go round. */
export function withScene<T>(number: number, work: <Disk extends Backend>(scene: Scene<Disk>) => T): T {
  const index = number % sceneCount;
  const image = qcow2Scenes[index];
  if (image) return work(image);
  const cache = cacheScenes[index - qcow2Scenes.length];
  if (cache) return work(cache);
  throw new Error("there are no scenes");
}
