export function platformOfTarget(target: string): string;
export function platformHere(): string;
