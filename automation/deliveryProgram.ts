import { deliveryProgram } from "../components/delivery/program";
import { rawSettings } from "./settings";

/** The program of the stack `delivery`, without anything that other stacks' programs load. */
export const program = () => deliveryProgram(rawSettings());
