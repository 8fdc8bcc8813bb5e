/* net.h - a residual network as a JSON object: what a net's file holds, and the description of a model whose net has no name here.
 */
#ifndef SC_MODEL_NET_H
#define SC_MODEL_NET_H

#include <jansson.h>

#include "model/resnet.h"

/* `where` begins the message of an error: the file, or what in it the object describes. `subject` is the error's. Fields that are
 * absent have the values of resnet18; one that is not known is refused. */
enum sc_status sc_net_from_json(struct sc_resnet *net, const json_t *object, const char *where, const char *subject,
				struct sc_error *error);
/* All fields; NULL where there is no memory. */
json_t *sc_net_to_json(const struct sc_resnet *net);
enum sc_status sc_net_read(struct sc_resnet *net, const char *path, struct sc_error *error);
bool sc_net_is_file_name(const char *name); /* it ends in .json */

#endif
