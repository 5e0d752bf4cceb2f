export async function writeFleetDocument(): Promise<void> {}
