/* embed.c - a trained net inside another program: everything is made once, then a prediction allocates nothing and cannot fail.
 *
 *     cc embed.c $(pkg-config --cflags --libs shortcut) -o embed
 *     ./embed RUN           a run folder or a .safetensors file; without one: an untrained resnet18
 */
#include <shortcut.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	struct sc_error error = {0};
	struct sc_model *model = NULL;
	struct sc_plan *plan = NULL;
	float *image = NULL, *scores = NULL;
	const struct sc_model_options shape = {.height = 28, .width = 28, .channels = 1, .classes = 10};
	const struct sc_plan_options one_image = {.mode = SC_MODE_INFER, .batch = 1, .compute = {.threads = 1}};
	int status = EXIT_FAILURE;

	if ((argc > 1 ? sc_model_load(&model, argv[1], &error) : sc_model_create(&model, "resnet18", &shape, &error)) ||
	    sc_plan_create(&plan, model, &one_image, &error))
		goto done;
	int64_t numbers = sc_model_height(model) * sc_model_width(model) * sc_model_channels(model),
		classes = sc_model_classes(model);
	image = calloc((size_t)numbers, sizeof(float)); /* here a black one; rows of pixels, the channels of a pixel together */
	scores = calloc((size_t)classes, sizeof(float));
	if (!image || !scores)
		goto done;

	sc_plan_forward(plan, image, scores);

	int64_t best = 0;
	for (int64_t i = 1; i < classes; i++)
		if (scores[i] > scores[best])
			best = i;
	printf("%s (score %.3f) with %s, %.1f MB\n", sc_model_class_name(model, best), (double)scores[best],
	       sc_plan_instruction_set(plan), (double)sc_plan_promised_bytes(plan) / 1e6);
	status = EXIT_SUCCESS;

done:
	if (status)
		fprintf(stderr, "%s\n", error.status ? error.message : "no memory");
	free(image);
	free(scores);
	sc_plan_destroy(plan);
	sc_model_destroy(model);
	return status;
}
