import { handleQueue, route } from "@tributary/layer";

/** Arrivals: registers every new object version and sends it to its dataset. */
export const handler = handleQueue("standard", route);
