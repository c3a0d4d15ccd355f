/** What happens to the files of a folder that may not be there yet, or not any more. Nothing is polled. */

import { statSync, watch, type FSWatcher } from "node:fs";
import { dirname } from "node:path";

const QUIET = 150; // ms without an event: files are written under another name first, and renamed

export class FolderWatch {
  private watcher: FSWatcher | undefined;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  /** `changed` is called after files have come, changed or gone whose names `fits` likes. */
  constructor(
    private readonly folder: string,
    private readonly fits: (name: string) => boolean,
    private readonly changed: () => void,
  ) {
    this.begin();
  }

  close(): void {
    this.closed = true;
    this.watcher?.close();
    clearTimeout(this.timer);
  }

  /** Of the folder, or as long as that is missing, of the nearest around it. */
  private begin(): void {
    this.watcher?.close();
    if (this.closed) return;
    const place = nearest(this.folder);
    try {
      this.watcher = watch(place.path, { persistent: false }, (_, name) => {
        this.hear(place, name);
      });
      this.watcher.on("error", () => {
        this.begin(); // on Windows the end of a folder is an error
      });
    } catch {
      return; // not to be watched: whoever wants to know asks
    }
    if (!isSame(nearest(this.folder), place)) this.begin(); // it has come or gone meanwhile
  }

  private hear(place: Place, name: string | null): void {
    if (!isSame(nearest(this.folder), place)) {
      this.begin();
      this.stir();
    } else if (place.path === this.folder && (name === null || this.fits(name))) {
      this.stir();
    }
  }

  private stir(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.changed, QUIET);
  }
}

interface Place {
  readonly path: string;
  readonly id: number | undefined; // a folder that is made anew is another one
}

function nearest(folder: string): Place {
  for (let path = folder; ; path = dirname(path)) {
    const id = idOf(path);
    if (id !== undefined || path === dirname(path)) return { path, id };
  }
}

function idOf(path: string): number | undefined {
  try {
    return statSync(path).ino;
  } catch {
    return undefined; // it is not there, or not for us
  }
}

function isSame(a: Place, b: Place): boolean {
  return a.path === b.path && a.id === b.id;
}
