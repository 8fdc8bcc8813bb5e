/* model.c - a model's life, and what may be asked of it: sizes, names, tensors. Its layers are told about in layers.c. */
#include "model/model.h"
#include "model/options.h"
#include "model/net.h"

#include <stdlib.h>

/* A block that begins at 0 needs a BatchNorm at its end to be 0, and a shortcut that carries its input on. */
static enum sc_status check_zero_init(const struct sc_resnet *net, struct sc_error *error)
{
	if (net->zero_init_last && (net->preactivation || net->shortcut == SC_SHORTCUT_NONE))
		return sc_fail(error, SC_ERROR_ARGUMENT, "zero_init_last", -1,
			       "zero_init_last: the blocks of %s %s, so their last BatchNorm cannot begin at 0", net->name,
			       net->preactivation ? "do not end in a BatchNorm" : "have no shortcuts");
	return SC_OK;
}

/* Sizes, layers, and the buffer of parameters. */
static enum sc_status build(struct sc_model *model, const struct sc_model_options *options, struct sc_error *error)
{
	struct sc_graph graph;
	snprintf(model->name, sizeof model->name, "%s", model->net->name);
	enum sc_status status = sc_model_apply_options(model, options, model->net->classes, error);
	if (status == SC_OK)
		status = check_zero_init(model->net, error);
	if (status == SC_OK) {
		sc_graph_init(&graph, model, &model->net->style, error);
		sc_resnet_add_layers(&graph, model->net, model->classes);
		status = sc_graph_finish(&graph);
	}
	if (status == SC_OK)
		status = sc_arena_init(&model->storage, model->value_count * (int64_t)sizeof(float), "the parameters", error);
	model->values = model->storage.base;
	return status;
}

enum sc_status sc_resnet_build(struct sc_model **out, const struct sc_resnet *resnet, const struct sc_model_options *options,
			       struct sc_error *error)
{
	struct sc_model *model = sc_allocate(1, sizeof *model);
	struct sc_resnet *net = sc_allocate(1, sizeof *net);
	if (!model || !net) {
		free(model);
		free(net);
		return sc_fail_memory(error, (int64_t)(sizeof *model + sizeof *net), "a model");
	}
	*net = *resnet;
	net->zero_init_last = resnet->zero_init_last || (options && options->zero_init_last);
	model->net = net;
	enum sc_status status = build(model, options, error);
	if (status != SC_OK) {
		sc_model_destroy(model);
		return status;
	}
	*out = model;
	return SC_OK;
}

/* A model of the net in a file, which is named where the net cannot be built. */
static enum sc_status create_from_file(struct sc_model **out, const char *path, const struct sc_model_options *options,
				       struct sc_error *error)
{
	struct sc_resnet net;
	struct sc_error inner = {0};
	enum sc_status status = sc_net_read(&net, path, error);
	if (status != SC_OK)
		return status;
	status = sc_resnet_build(out, &net, options, &inner);
	return status == SC_OK ? SC_OK : sc_fail(error, status, path, -1, "%s: %s", path, inner.message);
}

static enum sc_status create_preset(struct sc_model **out, const char *name, const struct sc_model_options *options,
				    struct sc_error *error)
{
	const struct sc_resnet *resnet = sc_resnet_find(name, error);
	return resnet ? sc_resnet_build(out, resnet, options, error) : SC_ERROR_NOT_FOUND;
}

enum sc_status sc_model_by_name(struct sc_model **out, const char *name, const struct sc_model_options *options, struct sc_error *error)
{
	bool file = name && sc_net_is_file_name(name);
	return (file ? create_from_file : create_preset)(out, name, options, error);
}

enum sc_status sc_model_create(struct sc_model **out, const char *name, const struct sc_model_options *options,
			       struct sc_error *error)
{
	enum sc_status status = sc_model_by_name(out, name, options, error);
	if (status == SC_OK)
		sc_model_initialise(*out, options ? options->seed : 0);
	return status;
}

void sc_model_destroy(struct sc_model *model)
{
	if (!model)
		return;
	sc_arena_release(&model->storage);
	free(model->net);
	free(model->class_names); /* the names lie in the same allocation */
	free(model->nodes);
	free(model->details);
	free(model->input_names);
	free(model->parameters);
	free(model);
}

const char *sc_model_name(const struct sc_model *model)
{
	return model->name;
}

int64_t sc_model_height(const struct sc_model *model)
{
	return model->height;
}

int64_t sc_model_width(const struct sc_model *model)
{
	return model->width;
}

int64_t sc_model_channels(const struct sc_model *model)
{
	return model->channels;
}

int64_t sc_model_classes(const struct sc_model *model)
{
	return model->classes;
}

const char *sc_model_class_name(const struct sc_model *model, int64_t label)
{
	return model->class_names[label];
}

const struct sc_preprocess *sc_model_preprocess(const struct sc_model *model)
{
	return &model->preprocess;
}

int64_t sc_model_tensor_count(const struct sc_model *model)
{
	return model->parameter_count;
}

void sc_model_tensor(const struct sc_model *model, int64_t index, struct sc_tensor *tensor)
{
	const struct sc_parameter *parameter = &model->parameters[index];
	*tensor = (struct sc_tensor){.name = parameter->name,
				     .rank = parameter->rank,
				     .count = parameter->count,
				     .values = sc_parameter_values(model, (int)index),
				     .trainable = sc_parameter_trainable(parameter)};
	for (int axis = 0; axis < parameter->rank; axis++)
		tensor->shape[axis] = parameter->shape[axis];
}
