/** The text of frames.ts. */
export function framesOf(): Promise<string>
