/** The Pulumi program, under the name that the driver uses. */
export { default as program } from "../index";
