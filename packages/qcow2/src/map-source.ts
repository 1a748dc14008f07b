import type { ImageHost } from "./image-host.js";
import type { MapSource } from "./map.js";

/** An image as the source of maps: each run is looked up as a request of its own. */
export function mapSourceOf({ engine, backing }: Pick<ImageHost, "engine" | "backing">): MapSource {
  const { data, flights } = engine;
  const run: MapSource["run"] = async (at, end) => {
    const flight = flights.tryEnter() ?? (await flights.enter());
    try {
      return engine.map.tryRun(at, end) ?? (await engine.map.run(at, end));
    } finally {
      flights.leave(flight);
    }
  };
  return { run, file: data.name, backing };
}
