/* keras.c - the layers that a Keras file holds, matched with those of a net.
 *
 * An array's name is the path of a layer and of a variable in it (io/keras.c). Layers are known by their names, where a part of the
 * path is that of keras.applications ("conv2_block1_1_conv") or ours ("layer1.0.conv1"). Else the paths only count layers
 * ("layers/conv2d_3", "layers/resnet_block/listLayers/residual/conv1"), and those of one kind are taken in the order of their
 * paths, numbers by value, as the net's in the order of keras_order.c. Shapes must agree one by one. */
#include "model/keras.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MOST_VARIABLES 4

struct layer {
	const char *path; /* [length]: of the layer, in the name of one of its variables */
	int length;
	enum sc_node_kind kind;
	const struct sc_array *variables[MOST_VARIABLES]; /* in Keras' order; NULL: absent */
	bool taken;
};

struct match {
	const struct sc_model *model;
	const struct sc_arrays *file;
	struct sc_tensor *views;
	struct layer *layers; /* [count], in the order of their paths */
	int count;
	int *order, *depths; /* [node_count]: the net's layers as Keras lists them; room to work in */
	int order_count;
	struct sc_error *error;
};

static const char *kind_text(enum sc_node_kind kind)
{
	return kind == SC_NODE_CONVOLUTION ? "convolutions" : kind == SC_NODE_DENSE ? "dense layers" : "batch normalizations";
}

/* ---- The file's layers ------------------------------------------------------------------------------------------------------ */

/* Which of its layer's variables it is, -1 if none; *length: of the layer's path. */
static int find_variable(const char *name, int *length)
{
	static const struct {
		const char *name;
		int place;
	} known[] = {{"kernel", 0}, {"bias", 1}, {"gamma", 0}, {"beta", 1}, {"moving_mean", 2}, {"moving_variance", 3}};
	const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;
	*length = slash ? (int)(slash - name) : 0;
	const size_t letters = strcspn(last, ":");
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strlen(known[i].name) == letters && strncmp(last, known[i].name, letters) == 0)
			return known[i].place;
	if (*length < 5 || strncmp(slash - 5, "/vars", 5) != 0 || !isdigit((unsigned char)last[0]) || last[1])
		return -1;
	*length -= 5;
	return last[0] - '0';
}

/* By the first variable: a kernel of 4 or 2 axes, or a scale. */
static bool find_kind(struct layer *layer)
{
	const struct sc_array *first = layer->variables[0];
	if (!first || (first->rank != 4 && first->rank != 2 && first->rank != 1))
		return false;
	layer->kind = first->rank == 4 ? SC_NODE_CONVOLUTION : first->rank == 2 ? SC_NODE_DENSE : SC_NODE_BATCH_NORM;
	return true;
}

/* Strings with their numbers by value: conv2d_9 before conv2d_10. */
static int compare_paths(const void *a, const void *b)
{
	const struct layer *x = a, *y = b;
	const char *p = x->path, *q = y->path, *p_end = p + x->length, *q_end = q + y->length;
	while (p < p_end && q < q_end) {
		if (isdigit((unsigned char)*p) && isdigit((unsigned char)*q)) {
			char *p_next, *q_next;
			const unsigned long long m = strtoull(p, &p_next, 10), n = strtoull(q, &q_next, 10);
			if (m != n)
				return m < n ? -1 : 1;
			p = p_next, q = q_next;
		} else if (*p != *q) {
			return (unsigned char)*p < (unsigned char)*q ? -1 : 1;
		} else {
			p++, q++;
		}
	}
	return (p < p_end) - (q < q_end);
}

static enum sc_status stranger(const struct match *m, const struct sc_array *array, const char *what)
{
	return sc_fail(m->error, SC_ERROR_MISMATCH, array->name, array->begin, "%s: '%.160s': %s", m->file->path, array->name,
		       what);
}

/* Variables of one layer follow each other in the file's list, which is in name order. */
static enum sc_status find_layers(struct match *m)
{
	for (int64_t i = 0; i < m->file->count; i++) {
		const struct sc_array *array = &m->file->arrays[i];
		int length;
		const int place = find_variable(array->name, &length);
		struct layer *layer = m->count ? &m->layers[m->count - 1] : NULL;
		if (place < 0 || place >= MOST_VARIABLES)
			return stranger(m, array, "expected a variable of a convolution, a batch normalization or a dense layer");
		if (!layer || layer->length != length || strncmp(layer->path, array->name, (size_t)length) != 0) {
			layer = &m->layers[m->count++];
			*layer = (struct layer){.path = array->name, .length = length};
		}
		if (layer->variables[place])
			return stranger(m, array, "its layer has another variable of this kind");
		layer->variables[place] = array;
	}
	for (int i = 0; i < m->count; i++)
		if (!find_kind(&m->layers[i]))
			return sc_fail(m->error, SC_ERROR_MISMATCH, m->file->path, -1,
				       "%s: layer '%.*s': expected a convolution, a batch normalization or a dense layer",
				       m->file->path, m->layers[i].length, m->layers[i].path);
	qsort(m->layers, (size_t)m->count, sizeof *m->layers, compare_paths);
	return SC_OK;
}

/* ---- A layer and a node ---------------------------------------------------------------------------------------------- */

static void shape_text(char text[160], const int64_t *shape, int rank)
{
	size_t used = (size_t)snprintf(text, 160, "(");
	for (int i = 0; i < rank && used < 120; i++)
		used += (size_t)snprintf(text + used, 160 - used, "%s%lld", i ? ", " : "", (long long)shape[i]);
	snprintf(text + used, 160 - used, ")");
}

static enum sc_status take_variable(const struct match *m, int parameter, const struct layer *layer, int place)
{
	const struct sc_parameter *ours = &m->model->parameters[parameter];
	const struct sc_array *found = layer->variables[place];
	char expected[160], given[160];
	shape_text(expected, ours->shape, ours->rank);
	if (!found)
		return sc_fail(m->error, SC_ERROR_MISMATCH, ours->name, -1,
			       "%s: tensor '%s': expected F32 %s in Keras' layer '%.*s', but it is not there", m->file->path,
			       ours->name, expected, layer->length, layer->path);
	bool same = found->rank == ours->rank && strcmp(found->dtype, "F32") == 0;
	for (int i = 0; same && i < ours->rank; i++)
		same = found->shape[i] == ours->shape[i];
	shape_text(given, found->shape, found->rank);
	if (!same)
		return sc_fail(m->error, SC_ERROR_MISMATCH, ours->name, found->begin,
			       "%s: tensor '%s': expected F32 %s, found %s %s, Keras' '%.160s'", m->file->path, ours->name,
			       expected, found->dtype, given, found->name);
	m->views[parameter].name = found->name;
	return SC_OK;
}

static enum sc_status take_layer(const struct match *m, const struct sc_node *node, struct layer *layer)
{
	const int ours[] = {node->weight, node->bias, node->running_mean, node->running_variance};
	enum sc_status status = SC_OK;
	layer->taken = true;
	for (int i = 0; i < MOST_VARIABLES && !status; i++) {
		if (ours[i] != SC_NONE)
			status = take_variable(m, ours[i], layer, i);
		else if (layer->variables[i])
			status = stranger(m, layer->variables[i], "the model's layer has no such tensor");
	}
	return status;
}

/* ---- By name --------------------------------------------------------------------------------------------------------- */

static bool has_part(const struct layer *layer, const char *name)
{
	const char *at = layer->path, *end = layer->path + layer->length;
	const size_t length = strlen(name);
	while (at < end) {
		const char *next = memchr(at, '/', (size_t)(end - at));
		const size_t part = (size_t)((next ? next : end) - at);
		if (part == length && memcmp(at, name, length) == 0)
			return true;
		at += part + 1;
	}
	return false;
}

/* The layer that has the node's name; NULL: none. */
static struct layer *find_named(const struct match *m, const struct sc_node *node)
{
	char application[SC_KERAS_NAME];
	const bool has_application = sc_keras_application_name(application, m->model, node);
	for (int i = 0; i < m->count; i++) {
		struct layer *layer = &m->layers[i];
		if (layer->kind == node->kind && !layer->taken &&
		    (has_part(layer, node->name) || (has_application && has_part(layer, application))))
			return layer;
	}
	return NULL;
}

/* The first convolution of a block tells: "conv1" outside of them may be a block's own in other models. */
static bool are_named(const struct match *m)
{
	for (int i = 0; i < m->model->node_count; i++)
		if (m->model->nodes[i].kind == SC_NODE_CONVOLUTION && strncmp(m->model->nodes[i].name, "layer", 5) == 0)
			return find_named(m, &m->model->nodes[i]) != NULL;
	return false;
}

/* The one dense layer goes by any name: those who train a net on their own classes call it as they like. */
static struct layer *find_dense(const struct match *m)
{
	struct layer *found = NULL;
	for (int i = 0; i < m->count; i++)
		if (m->layers[i].kind == SC_NODE_DENSE) {
			if (found)
				return NULL;
			found = &m->layers[i];
		}
	return found;
}

static enum sc_status match_names(const struct match *m)
{
	enum sc_status status = SC_OK;
	for (int i = 0; i < m->model->node_count && !status; i++) {
		const struct sc_node *node = &m->model->nodes[i];
		if (node->weight == SC_NONE)
			continue;
		struct layer *layer = find_named(m, node);
		if (!layer && node->kind == SC_NODE_DENSE)
			layer = find_dense(m);
		if (!layer) {
			char name[SC_KERAS_NAME];
			sc_keras_layer_name(name, m->model, node);
			return sc_fail(m->error, SC_ERROR_MISMATCH, node->name, -1,
				       "%s: layer '%s': expected Keras' layer '%s', but it is not there", m->file->path, node->name,
				       name);
		}
		status = take_layer(m, node, layer);
	}
	return status;
}

/* ---- By order -------------------------------------------------------------------------------------------------------- */

/* The net's layer of that kind at or behind place *next of the order, which moves on behind it; NULL: there is none. */
static const struct sc_node *next_of_kind(const struct match *m, enum sc_node_kind kind, int *next)
{
	while (*next < m->order_count) {
		const struct sc_node *node = &m->model->nodes[m->order[(*next)++]];
		if (node->kind == kind)
			return node;
	}
	return NULL;
}

static enum sc_status match_order(const struct match *m, enum sc_node_kind kind)
{
	int wanted = 0, found = 0, next = 0;
	enum sc_status status = SC_OK;
	for (int i = 0; i < m->order_count; i++)
		wanted += m->model->nodes[m->order[i]].kind == kind;
	for (int i = 0; i < m->count && !status; i++) {
		if (m->layers[i].kind != kind)
			continue;
		const struct sc_node *node = next_of_kind(m, kind, &next);
		if (node)
			status = take_layer(m, node, &m->layers[i]);
		found++;
	}
	if (!status && found != wanted)
		return sc_fail(m->error, SC_ERROR_MISMATCH, m->file->path, -1, "%s: expected %d %s, as %s has, found %d",
			       m->file->path, wanted, kind_text(kind), m->model->name, found);
	return status;
}

static enum sc_status match_all(struct match *m)
{
	enum sc_status status = find_layers(m);
	if (!status && are_named(m)) {
		status = match_names(m);
	} else if (!status) {
		m->order_count = sc_keras_order(m->model, m->order, m->depths);
		status = match_order(m, SC_NODE_CONVOLUTION);
		if (!status)
			status = match_order(m, SC_NODE_BATCH_NORM);
		if (!status)
			status = match_order(m, SC_NODE_DENSE);
	}
	for (int i = 0; i < m->count && !status; i++)
		if (!m->layers[i].taken)
			status = stranger(m, m->layers[i].variables[0], "the model has no such layer");
	return status;
}

enum sc_status sc_keras_match(const struct sc_model *model, const struct sc_arrays *file, struct sc_tensor *views,
			      struct sc_error *error)
{
	struct match match = {.model = model, .file = file, .views = views, .error = error};
	match.layers = sc_allocate(file->count, sizeof *match.layers);
	match.order = sc_allocate(model->node_count, sizeof *match.order);
	match.depths = sc_allocate(model->node_count, sizeof *match.depths);
	enum sc_status status;
	if (match.layers && match.order && match.depths)
		status = match_all(&match);
	else
		status = sc_fail_memory(error, file->count * (int64_t)sizeof *match.layers, file->path);
	free(match.layers);
	free(match.order);
	free(match.depths);
	return status;
}
