/** Where a procedure that is not there yet is written, in the place of its own address: none has an underscore. */
export const NEW = "_nouvelle";
