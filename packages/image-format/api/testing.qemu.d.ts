export class Scratch implements Disposable {
    readonly path: string;
    file(name: string, bytes?: Uint8Array): string;
    [Symbol.dispose](): void;
}

export const hasQemu: boolean;

export function qemuContents(format: string, path: string): Uint8Array;

export function qemuImg(...args: string[]): string;

export const qemuNote: string;
